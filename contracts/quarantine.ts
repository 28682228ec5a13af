/**
 * How a person looks into the quarantine, and puts right what is in it. Ingest answers on
 * `GET /quarantine/{id}`, `POST /quarantine/{id}/release` and `POST /quarantine/{id}/discard`.
 */
import { z } from 'zod'
import { Rejection } from './rejection.ts'

/** Who decided what, and when. */
export const QuarantineDecision = z.object({
  by: z.string(),
  atMs: z.number(),
  as: z.enum(['released', 'discarded']),
  /** Why, in the person's words. */
  note: z.string().optional(),
  /** Readings that went into the journal with the release. */
  readings: z.number().int().optional(),
})
export type QuarantineDecision = Readonly<z.infer<typeof QuarantineDecision>>

/** `GET /quarantine/{id}`: one entry whole. */
export const QuarantineEntry = Rejection.extend({
  id: z.string(),
  /** Whether `original` is the text itself, or base64 of bytes that are none. */
  encoding: z.enum(['text', 'base64']),
  /** Readings it stands for. */
  readings: z.number().int(),
  /** Only these records of the original are meant, by their place in it from 0; absent when all are. */
  records: z.array(z.number().int()).optional(),
  decision: QuarantineDecision.optional(),
})
export type QuarantineEntry = Readonly<z.infer<typeof QuarantineEntry>>

/** Body of a discard. */
export const DiscardRequest = z.object({
  /** The person, by name. */
  by: z.string().min(1).max(100),
  note: z.string().max(1000).optional(),
})
export type DiscardRequest = z.infer<typeof DiscardRequest>

/** Body of a release: as it is, or with what was wrong put right. */
export const ReleaseRequest = DiscardRequest.extend({
  /** Instead of the original. All of its records are meant then. */
  payload: z.string().max(1_000_000).optional(),
  encoding: z.enum(['text', 'base64']).default('text'),
  /** Instead of the topic it came on. */
  topic: z.string().min(1).max(65_535).optional(),
  /** Names as the payload has them → ids of sensors of the same gateway. */
  rename: z.record(z.string(), z.string()).optional(),
})
export type ReleaseRequest = z.infer<typeof ReleaseRequest>

/** What a release or discard came to. */
export const QuarantineAnswer = z.object({
  id: z.string(),
  state: z.enum(['released', 'discarded']),
  readings: z.number(),
})
export type QuarantineAnswer = z.infer<typeof QuarantineAnswer>

/** 404, 409 and 422: there is no such entry, it is decided already, or it would be refused again and why. */
export const QuarantineProblem = z.object({
  title: z.string(),
  status: z.number().int(),
  code: z.enum(['no-such-entry', 'decided-already', 'refused-again', 'bad-request']),
})
export type QuarantineProblem = z.infer<typeof QuarantineProblem>
