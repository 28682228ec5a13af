import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { webhookSignDecoder } from './decoder.ts'
import { feishuSign } from './sign.ts'

checkVectors('webhook-sign', webhookSignDecoder)

fuzzDecoder('webhook-sign', webhookSignDecoder, vectorRows('webhook-sign').map(frameOf))

test('Feishu takes time and secret for the key, and signs nothing with it', () => {
  const expected = createHmac('sha256', Buffer.from('1599360473\ndemo')).digest('base64')
  expect(feishuSign({ timestampS: '1599360473', secret: 'demo' })).toBe(expected)
  const decoded = webhookSignDecoder.decode({ json: { timestamp: 1599360473, secret: 'demo', robot: 'feishu' } })
  expect(decoded.records).toEqual([{ sign: expected }])
})

test('a time that is no number is refused', () => {
  expect(webhookSignDecoder.decode({ json: { timestamp: 'now', secret: 'x' } }).expect).toBe('reject')
})
