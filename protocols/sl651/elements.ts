/**
 * The elements of SL 651-2014, Annex C: id on the wire, symbol, unit. An id that is not here is kept with the symbol
 * `?`: stations in the field send ids of their own.
 */
export interface ElementFacts {
  readonly symbol: string
  /** UCUM where it has a code; null where the standard gives none, and for ids that nobody has published. */
  readonly unit: string | null
}

/** One line a group, `id symbol unit`; `-` for none. */
const lines = `
01 AC m2|02 AI Cel|03 C Cel|05 DT h.min|06 ED mm|07 EJ mm|08 FL hPa|09 GH m|0A GN -|0B GS -|0C GT -|0D GTP Cel
0E H m|0F HW m|10 M10 %|11 M20 %|12 M30 %|13 M40 %|14 M50 %|15 M60 %|16 M80 %|17 M100 %|18 MST %|19 NS -
1A P1 mm|1B P2 mm|1C P3 mm|1D P6 mm|1E P12 mm|1F PD mm|20 PJ mm|21 PN01 mm|22 PN05 mm|23 PN10 mm|24 PN30 mm
25 PR mm|26 PT mm|27 Q m3/s|28 Q1 m3/s|29 Q2 m3/s|2A Q3 m3/s|2B Q4 m3/s|2C Q5 m3/s|2D Q6 m3/s|2E Q7 m3/s
2F Q8 m3/s|30 QA m3/s|31 QZ m3/s|32 SW 10^4t|33 UC -|34 UE -|35 US m/s|36 VA m/s|37 VJ m/s|38 VT V|39 Z m
3A ZB m|3B ZU m|3C Z1 m|3D Z2 m|3E Z3 m|3F Z4 m|40 Z5 m|41 Z6 m|42 Z7 m|43 Z8 m|44 SQ kg/m3|46 pH -|47 DO mg/L
48 COND uS/cm|49 TURB -|4A CODMN mg/L|4B REDOX mV|4C NH4N mg/L|4D TP mg/L|4E TN mg/L|4F TOC mg/L|50 CU mg/L
51 ZN mg/L|52 SE mg/L|53 AS mg/L|54 THG mg/L|55 CD mg/L|56 PB mg/L|57 CHLA mg/L|58 WP1 kPa|59 WP2 kPa|5A WP3 kPa
5B WP4 kPa|5C WP5 kPa|5D WP6 kPa|5E WP7 kPa|5F WP8 kPa|60 SYL1 m3|61 SYL2 m3|62 SYL3 m3|63 SYL4 m3|64 SYL5 m3
65 SYL6 m3|66 SYL7 m3|67 SYL8 m3|68 SBL1 m3/h|69 SBL2 m3/h|6A SBL3 m3/h|6B SBL4 m3/h|6C SBL5 m3/h|6D SBL6 m3/h
6E SBL7 m3/h|6F SBL8 m3/h|70 VTA V|71 VTB V|72 VTC V|73 VIA A|74 VIB A|75 VIC A
04 DR -|45 ZT -|F2 RGZS -|F3 PIC -|F4 DRP mm|F5 DRZ1 m|F6 DRZ2 m|F7 DRZ3 m|F8 DRZ4 m|F9 DRZ5 m|FA DRZ6 m|FB DRZ7 m
FC DRZ8 m|FD DATA -`

const entries = lines
  .trim()
  .split(/[|\n]/)
  .map((entry): readonly [string, ElementFacts] => {
    const [id = '', symbol = '', unit = '-'] = entry.split(' ')
    return [id, { symbol, unit: unit === '-' ? null : unit }]
  })

/** Every element of Annex C by its id (two upper-case hex characters). */
export const elementsById: ReadonlyMap<string, ElementFacts> = new Map(entries)

const idsBySymbol: ReadonlyMap<string, string> = new Map(entries.map(([id, { symbol }]) => [symbol.toUpperCase(), id]))

/** What is known of an id. */
export function elementFacts(id: string): ElementFacts {
  return elementsById.get(id) ?? { symbol: '?', unit: null }
}

/** The id of a symbol of the ASCII coding, whatever its case. */
export function elementIdOf(symbol: string): string | undefined {
  return idsBySymbol.get(symbol.toUpperCase())
}

/** Kinds of station by the character that stands for them (Annex A). */
const stationClasses: Readonly<Record<string, string>> = {
  P: 'rainfall',
  H: 'river',
  K: 'reservoir',
  Z: 'sluice',
  D: 'pump station',
  T: 'tide',
  M: 'soil moisture',
  G: 'groundwater',
  Q: 'water quality',
  I: 'intake',
  O: 'outfall',
}

/** `H river` for 48 hex or `H`; an unknown class as its hex. */
export function stationClass(code: number): string {
  const letter = String.fromCharCode(code)
  const name = stationClasses[letter]
  return name === undefined ? code.toString(16).toUpperCase().padStart(2, '0') : `${letter} ${name}`
}

/** Whether a byte stands for a kind of station. */
export function isStationClass(code: number): boolean {
  return Object.hasOwn(stationClasses, String.fromCharCode(code))
}

/** What the bits of ZT (45) say when they are 1 (table 58). */
export const statusBits: readonly string[] = [
  'mains power off',
  'battery low',
  'level beyond its limit',
  'flow beyond its limit',
  'water quality beyond its limit',
  'flow meter at fault',
  'level meter at fault',
  'cabinet door closed',
  'storage at fault',
  'IC card in use',
  'pumps stopped',
  'water quota nearly used up',
]
