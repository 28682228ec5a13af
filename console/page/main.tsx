/** The page begins here. */
import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './style/base.css'
import './style/duty.css'
import './style/detail.css'
import './style/system.css'
import './style/phone.css'
import { App } from './app.tsx'
import { greet } from './live.ts'

const root = document.getElementById('page')
if (root !== null) {
  void greet()
  render(<App />, root)
}
