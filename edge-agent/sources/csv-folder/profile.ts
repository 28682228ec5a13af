/** The profile of a folder of CSV files; an example is in `examples/csv-folder.yaml`. */
import { z } from 'zod'
import { Duration, profileFields, sensorFields } from '../profile-fields.ts'
import { isTimeFormat, isZone } from './row-time.ts'

/** A column by its name in the first line, or by its number from 1 in files without one. */
const Column = z.union([z.string().min(1), z.number().int().min(1)])
export type Column = z.infer<typeof Column>

const CsvSensor = z.strictObject({
  ...sensorFields,
  column: Column,
  /** Only of rows where another column says so: for files with one sensor's value per row. */
  when: z.strictObject({ column: Column, is: z.string() }).optional(),
})
export type CsvSensor = z.infer<typeof CsvSensor>

export const CsvProfile = z
  .strictObject({
    source: z.literal('csv-folder'),
    ...profileFields,
    folder: z.string().min(1),
    /** `*` and `?` as usual; files in folders below are not read. */
    files: z.string().min(1).default('*.csv'),
    every: Duration.prefault('10 s'),
    separator: z.enum([',', ';', '\t', '|']).default(','),
    encoding: z.enum(['utf-8', 'gb18030', 'latin1']).default('utf-8'),
    /** Whether the first line names the columns. */
    header: z.boolean().default(true),
    decimalComma: z.boolean().default(false),
    time: z.strictObject({
      /** One column, or several that are joined by a blank: a date and a time of day. */
      column: z.union([Column, z.array(Column).min(1)]),
      /** `iso`, `unix-s`, `unix-ms`, or a picture such as `DD.MM.YYYY HH:mm:ss`. */
      format: z
        .string()
        .default('iso')
        .refine(isTimeFormat, 'iso, unix-s, unix-ms, or a picture of YYYY MM DD HH mm ss'),
      /** IANA name, for times that carry no offset of their own. */
      zone: z.string().refine(isZone, 'an IANA time zone such as Asia/Shanghai'),
    }),
    /** What has been read; without it `.forewarn-read.json` in the folder. */
    stateFile: z.string().optional(),
    /** A last line without a line end counts when nothing was added for so long. */
    lastLineAfter: Duration.prefault('1 min'),
    sensors: z.array(CsvSensor).min(1),
  })
  .superRefine(({ header, time, sensors }, context) => {
    const columns = [
      time.column,
      ...sensors.flatMap(({ column, when }) => [column, ...(when ? [when.column] : [])]),
    ].flat()
    const named = columns.find(column => typeof column === 'string')
    if (!header && named !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['header'],
        message: `files without a header have no column "${named}"`,
      })
    }
  })
export type CsvProfile = z.infer<typeof CsvProfile>
