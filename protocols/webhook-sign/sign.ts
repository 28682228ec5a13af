/**
 * Signatures of the robots in work chats. Both are HMAC-SHA-256 over time and secret; what is key and what is message
 * is the other way round in one of them.
 */
import { createHmac } from 'node:crypto'

/** DingTalk: the secret signs `time\nsecret`; base64, encoded for a URL. `timestampMs` as the decimal text that is sent. */
export function dingtalkSign({ timestampMs, secret }: { timestampMs: string; secret: string }): string {
  return encodeURIComponent(createHmac('sha256', secret).update(`${timestampMs}\n${secret}`).digest('base64'))
}

/** Feishu: `time\nsecret` signs nothing; base64, for the body. `timestampS` as the decimal text that is sent. */
export function feishuSign({ timestampS, secret }: { timestampS: string; secret: string }): string {
  return createHmac('sha256', `${timestampS}\n${secret}`).update('').digest('base64')
}
