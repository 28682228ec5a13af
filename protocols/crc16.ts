/**
 * CRC-16 with polynomial A001 (reflected 8005) and start FFFF, as MODBUS has it. Who sends its high byte first (SL 651)
 * and who its low byte (Modbus RTU) is the business of each protocol.
 */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xa001 : sum >>> 1
  return sum
})

/** The sum over all bytes, 0–65535. Check value of the ASCII digits 1–9: 4B37. */
export function crc16Modbus(bytes: Uint8Array): number {
  let sum = 0xffff
  for (const byte of bytes) sum = (sum >>> 8) ^ (table[(sum ^ byte) & 0xff] ?? 0)
  return sum
}
