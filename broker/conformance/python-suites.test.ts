import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installed } from '@forewarn/runtime/test-servers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pahoOutcomes, runPaho } from './python-suites.ts'

test('the sentences of Paho’s older edition are read', () => {
  const output = 'hostname x\nBasic test succeeded\n$ topics test failed\ntest suite failed\n'
  expect(pahoOutcomes({ code: 0, output })).toEqual([
    { name: 'Basic test', trouble: undefined },
    { name: '$ topics test', trouble: 'failed' },
  ])
})

test('a suite that did not come to its end has failed, whatever it said until then', () => {
  const output = 'Basic test succeeded\nConnectionRefusedError\n'
  expect(pahoOutcomes({ code: null, output })).toEqual([
    { name: 'Basic test', trouble: undefined },
    { name: 'client_test.py', trouble: 'ended with null: ConnectionRefusedError' },
  ])
  expect(pahoOutcomes({ code: 0, output: '\nRan 0 tests in 0.000s\n\nOK\n' })).toEqual([
    { name: 'client_test.py', trouble: 'ended with 0: OK' },
  ])
})

describe.skipIf(installed('python3') === undefined)('a suite in Python', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'forewarn-paho-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const suite = (text: string) => writeFileSync(join(folder, 'client_test.py'), text)

  test('of the newer edition is told where the broker is, and each of its tests counts once', async () => {
    suite(`
import getopt, sys, traceback, unittest
class Test(unittest.TestCase):
  def testBasic(self):
    print("Basic test succeeded")
    self.assertEqual((host, port), ("127.0.0.1", 1234))
  def test_unsubscribe(self):
    try:
      raise Exception("two messages")
    except Exception:
      traceback.print_exc()
    self.assertEqual(False, True)
    print("never said")
if __name__ == "__main__":
  opts, args = getopt.gnu_getopt(sys.argv[1:], "", ["hostname=", "port="])
  host = dict(opts)["--hostname"]
  port = int(dict(opts)["--port"])
  unittest.main()
`)
    expect(await runPaho(folder, 1234)).toEqual([
      { name: 'testBasic', trouble: undefined },
      { name: 'test_unsubscribe', trouble: 'FAIL' },
    ])
  })

  test('of the newer edition that cannot begin is one failure', async () => {
    suite(`
import unittest
class Test(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    raise Exception("nobody there")
  def testBasic(self):
    pass
unittest.main()
`)
    expect(await runPaho(folder, 1234)).toEqual([{ name: 'setUpClass', trouble: 'ERROR' }])
  })

  test('of the older edition is asked for the tests it leaves out otherwise', async () => {
    suite(`
import getopt, sys
known = ["hostname=", "port=", "zero_length_clientid", "dollar_topics", "subscribe_failure"]
opts, args = getopt.gnu_getopt(sys.argv[1:], "", known)
for name, value in opts:
  if value == "":
    print(name, "test succeeded")
print("test suite succeeded")
`)
    expect((await runPaho(folder, 1234)).map(({ name }) => name)).toEqual([
      '--zero_length_clientid test',
      '--dollar_topics test',
      '--subscribe_failure test',
    ])
  })
})
