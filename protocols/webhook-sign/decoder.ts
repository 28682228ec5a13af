/**
 * Robot signatures on the command line and in the vectors: time and secret in, signature out. DingTalk's unless the
 * kind is feishu.
 */
import { z } from 'zod'
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { exactJsonOf } from '../json-text.ts'
import { dingtalkSign, feishuSign } from './sign.ts'

export const webhookSignDecoder: FrameDecoder = {
  protocol: 'webhook-sign',
  standard: 'DingTalk and Feishu custom robot signatures',
  decode,
}

const Request = z.object({
  timestamp: z
    .union([z.string(), z.number().int().nonnegative()])
    .transform(String)
    .pipe(z.string().regex(/^\d{1,16}$/)),
  secret: z.string().min(1),
  robot: z.enum(['dingtalk', 'feishu']).optional(),
})

function decode({ json, text, bytes, kind }: Frame): Decoded {
  const parsed = Request.safeParse(json ?? exactJsonOf(text ?? bytes))
  if (!parsed.success) return refused('give {"timestamp": …, "secret": …}, the time as a whole number')
  const { timestamp, secret, robot } = parsed.data
  const isFeishu = robot === 'feishu' || /feishu|lark/i.test(kind ?? '')
  const sign = isFeishu
    ? feishuSign({ timestampS: timestamp, secret })
    : dingtalkSign({ timestampMs: timestamp, secret })
  return accepted({ sign })
}
