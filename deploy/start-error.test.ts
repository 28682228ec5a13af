import { expect, test } from 'vitest'
import { namingFullDisk, StartError } from './start-error.ts'

test('a full disk is told as one, however deep it lies, and nothing else is', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const told = namingFullDisk(new Error('journal', { cause: full }), '/srv/data')
  expect(told).toBeInstanceOf(StartError)
  expect(String(told)).toContain('the disk of the data folder /srv/data is full')
  const other = new Error('something else')
  expect(namingFullDisk(other, '/srv/data')).toBe(other)
})
