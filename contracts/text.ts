/** A name or sentence in the two languages the house speaks. */
import { z } from 'zod'

export const Text = z.object({ zh: z.string().min(1), en: z.string().min(1) })
export type Text = z.infer<typeof Text>
export type Language = keyof Text
