/**
 * An officer's shift in a real browser: signing in, a calm screen, a warning that arrives, one key. In both languages
 * and on a phone; nothing is asked of anyone outside, and axe finds nothing to object to.
 * SCREENS=1 writes the pictures of docs/screens anew.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserPath, openBrowser } from './fixtures/browser.ts'
import { password, startTestConsole, type TestConsole } from './fixtures/test-console.ts'
import { closedWarning, fixtureUnits, stormWarnings, underpassWarning } from './fixtures/warnings.ts'

// Without a browser these tests are left out on a desk; in CI they must not be.
const here = browserPath !== undefined || process.env['CI'] !== undefined

const desk = { width: 1920, height: 1080 }
const phone = { width: 390, height: 844 }

let browser: Browser
let axe = ''
beforeAll(async () => {
  if (!here) return
  browser = await openBrowser()
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
})
afterAll(() => browser?.close())

interface Shift {
  readonly page: Page
  readonly context: BrowserContext
  readonly house: TestConsole
  readonly outside: string[]
  readonly errors: string[]
  [Symbol.asyncDispose](): Promise<void>
}

interface ShiftOptions {
  readonly language: 'zh-CN' | 'en-GB'
  readonly storm?: boolean
  readonly fakeTime?: boolean
  readonly size?: { width: number; height: number }
}

/** A console, and an officer who has signed in to it. */
async function beginShift({ language, storm = false, size = desk, fakeTime = false }: ShiftOptions): Promise<Shift> {
  const house = await startTestConsole()
  const nowMs = house.clock.nowMs()
  house.weather.wet = storm
  house.house.setUnits(fixtureUnits(nowMs).map(unit => (storm ? unit : { ...unit, state: 'free' })))
  house.house.setWarnings([closedWarning(nowMs), ...(storm ? stormWarnings(nowMs) : [])])
  const context = await browser.newContext({ viewport: size, locale: language, timezoneId: 'America/New_York' })
  const page = await context.newPage()
  if (fakeTime) await page.clock.install()
  const outside: string[] = []
  const errors: string[] = []
  page.on('request', request => {
    if (!request.url().startsWith(house.running.url)) outside.push(request.url())
  })
  page.on('pageerror', error => errors.push(String(error)))
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(house.running.url)
  await page.fill('input[name=name]', '李晨')
  await page.fill('input[name=password]', password)
  await page.press('input[name=password]', 'Enter')
  await page.waitForSelector('.duty')
  return {
    page,
    context,
    house,
    outside,
    errors,
    async [Symbol.asyncDispose]() {
      await context.close()
      await house[Symbol.asyncDispose]()
    },
  }
}

async function violations(page: Page): Promise<string[]> {
  // Through the debugger: the page's policy lets no script in, and must not be loosened for a test.
  await page.evaluate(axe)
  const found: unknown = await page.evaluate(
    'axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | ")))',
  )
  return Array.isArray(found) ? found.map(String) : ['axe said nothing']
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env['SCREENS'] === undefined) return
  const dir = join(import.meta.dirname, '../docs/screens')
  await mkdir(dir, { recursive: true })
  await page.mouse.move(0, 0)
  // A little smaller than a desk's screen: the files stay below 300 kB.
  if (page.viewportSize()?.width === desk.width) {
    await page.setViewportSize({ width: 1440, height: 810 })
    await page.waitForTimeout(300)
  }
  await page.screenshot({ path: join(dir, `${name}.png`) })
}

describe.skipIf(!here)('a shift at the console', () => {
  test('a warning arrives, one key answers it, and the truck is sent', async () => {
    await using shift = await beginShift({ language: 'zh-CN' })
    const { page, house } = shift
    await page.getByText('无预警').waitFor()
    await page.getByText('4 / 4 待命').waitFor()
    expect(await page.title()).toBe('静安 · 预警值守')

    house.house.tell({ type: 'warning', warning: underpassWarning(house.clock.nowMs()) })
    const row = page.locator('[role=option][data-level=orange]')
    await row.waitFor()
    expect(await row.getAttribute('aria-selected')).toBe('true')
    expect(await page.locator('[aria-live=assertive]').textContent()).toContain('新预警：橙，南京西路·石门一路下立交')
    expect(await page.title()).toMatch(/^\(1橙\)/)

    // A key in the first moment after the selection has moved was meant for what was there before.
    await page.waitForFunction(() => performance.now() > 0 && document.querySelector('.main-button') !== null)
    await expect
      .poll(async () => {
        await page.keyboard.press('a')
        return house.house.commands.length
      })
      .toBe(1)
    await page.getByText('P-07 · 在途').waitFor()
    expect(house.house.commands[0]).toMatchObject({
      action: 'acknowledge-and-dispatch',
      by: '李晨',
      expectedVersion: 1,
    })
    await page.getByText('李晨 已确认').waitFor()
    expect(await page.locator('.main-button').count()).toBe(0)
    expect(shift.errors).toEqual([])
    expect(shift.outside).toEqual([])
  })

  test('somebody who was second sees who was first', async () => {
    await using shift = await beginShift({ language: 'en-GB', storm: true })
    shift.house.house.somebodyWasFirst('张伟')
    await shift.page.getByRole('button', { name: 'Ack only' }).click()
    await shift.page.getByText('张伟 was first').waitFor()
  })

  test('a veto asks for one of six reasons, and J and K move', async () => {
    await using shift = await beginShift({ language: 'en-GB', storm: true })
    const { page, house } = shift
    await page.keyboard.press('j')
    await page.getByRole('heading', { name: 'Lane 418 Jiangning Rd low compound' }).waitFor()
    await page.keyboard.press('k')
    await page.keyboard.press('x')
    expect(await page.locator('.veto button').count()).toBe(7)
    await page.keyboard.press('2')
    await expect.poll(() => house.house.commands.at(-1)).toMatchObject({ action: 'veto', reason: 'Sensor fault' })
  })
})

describe.skipIf(!here)('the list', () => {
  test('under the pointer the list stands still and counts what is new', async () => {
    await using shift = await beginShift({ language: 'en-GB', storm: true })
    const { page, house } = shift
    const order = () => page.locator('[role=option]').evaluateAll(rows => rows.map(row => row.id))
    const before = await order()
    await page.locator('[role=option]').nth(2).hover()
    const red = {
      ...underpassWarning(house.clock.nowMs()),
      id: 'tianmu.waterlogging.1',
      placeId: 'tianmu-hengfeng',
      level: 'red' as const,
    }
    house.house.tell({ type: 'warning', warning: red })
    await page.getByText('↑ 1 new').waitFor()
    expect(await order()).toEqual(before)
    await page.mouse.move(900, 500)
    await expect.poll(async () => (await order())[0]).toBe('row-tianmu.waterlogging.1')
  })
})

describe.skipIf(!here)('when something is away', () => {
  test('a lost link is said in black, an answer given meanwhile is kept and sent later', async () => {
    await using shift = await beginShift({ language: 'zh-CN', storm: true })
    const { page, context, house } = shift
    await context.setOffline(true)
    await page.keyboard.press('s')
    await page.getByText('待发送').first().waitFor()
    expect(house.house.commands).toEqual([])
    await context.setOffline(false)
    await expect.poll(() => house.house.commands.length, { timeout: 15_000 }).toBe(1)
    await expect.poll(() => page.getByText('待发送').count(), { timeout: 15_000 }).toBe(0)
  })

  test('ten seconds without the server are a lost link, and the page says since when', async () => {
    await using shift = await beginShift({ language: 'en-GB', storm: true, fakeTime: true })
    const { page, house } = shift
    await house.running.stop()
    await page.clock.fastForward(11_000)
    await page.locator('.banner', { hasText: 'Link lost' }).waitFor()
    expect(await page.locator('[role=option]').count()).toBe(6)
  })

  test('a process that does not answer is named across the page', async () => {
    await using shift = await beginShift({ language: 'en-GB', storm: true })
    await shift.house.house.stopRules()
    await shift.page.locator('.banner', { hasText: 'rules does not answer' }).waitFor()
    expect(await shift.page.locator('[role=option]').count()).toBe(6)
  })

  test('the state of the system is two keys away', async () => {
    await using shift = await beginShift({ language: 'zh-CN' })
    const { page } = shift
    await page.keyboard.press('g')
    await page.keyboard.press('s')
    await page.locator('.check-warning', { hasText: 'Free disk space' }).waitFor()
    await page.getByText('unknown-sensor 14').waitFor()
    expect(await violations(page)).toEqual([])
    await picture(page, 'system-zh')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.duty')
  })

  test('signing out closes the page and the door', async () => {
    await using shift = await beginShift({ language: 'en-GB' })
    await shift.page.getByRole('button', { name: 'Sign out' }).click()
    await shift.page.waitForSelector('input[name=password]')
    expect((await shift.context.request.get(`${shift.house.running.url}/api/snapshot`)).status()).toBe(401)
  })
})

describe.skipIf(!here)('every screen', () => {
  test.each([
    { name: 'calm', storm: false, size: desk },
    { name: 'active', storm: true, size: desk },
    { name: 'phone', storm: true, size: phone },
  ] as const)(
    '$name: nothing for axe to object to, asked outside, too wide or too small, in both languages',
    async ({ name, ...options }) => {
      await using shift = await beginShift({ language: 'zh-CN', ...options })
      const { page } = shift
      await page.waitForSelector(options.storm ? '.hydrograph canvas' : '.readiness')
      await expect.poll(() => page.locator('.fact').count()).toBeGreaterThan(2)
      // Whatever zone the browser is in, times are the district's.
      expect(await page.locator('.header-clock time').textContent()).toMatch(/^14:0[67]:/)
      for (const language of ['zh', 'en'] as const) {
        await page.getByRole('button', { name: language === 'zh' ? '中' : 'EN', exact: true }).click()
        await page
          .getByText(language === 'zh' ? '未确认' : 'Unacknowledged')
          .first()
          .waitFor()
        expect(await violations(page)).toEqual([])
        expect(await misfits(page, options.size.width)).toEqual([])
        await picture(page, `${name}-${language}`)
        await page.setViewportSize(options.size)
      }
      expect(shift.outside).toEqual([])
      expect(shift.errors).toEqual([])
    },
  )
})

/** What is wider than the screen, cut off, too small for a thumb, or missing though it must always be there. */
async function misfits(page: Page, screenWidth: number): Promise<string[]> {
  const wide = await page
    .locator('html, .detail, .readiness, .actions, .header > *')
    .evaluateAll(
      (parts, width) =>
        parts
          .filter(part => part.getBoundingClientRect().right > width + 1 || part.scrollWidth > part.clientWidth + 1)
          .map(part => `too wide: ${part.className}`),
      screenWidth,
    )
  const small = await page
    .locator('.actions button')
    .evaluateAll(buttons =>
      buttons
        .filter(button => button.getBoundingClientRect().height < 44)
        .map(button => `too small: ${button.textContent}`),
    )
  const marked = await page.locator('.mode-mark').isVisible()
  return [...wide, ...small, ...(marked ? [] : ['the mode is not on screen'])]
}
