/**
 * GCJ-02, the coordinate system of Chinese map services, and back. The formula is the published approximation with the
 * Krasovsky 1940 ellipsoid; outside China both systems are the same.
 */

export interface Degrees {
  readonly lat: number
  readonly lon: number
}

const semiMajorM = 6_378_245
const eccentricitySquared = 0.006_693_421_622_965_943

/** To GCJ-02. */
export function toGcj02({ lat, lon }: Degrees): Degrees {
  if (!isInChina({ lat, lon })) return { lat, lon }
  const east = lon - 105
  const north = lat - 35
  const radLat = (lat / 180) * Math.PI
  const magic = 1 - eccentricitySquared * Math.sin(radLat) ** 2
  const root = Math.sqrt(magic)
  const northM = northShiftM(east, north)
  const eastM = eastShiftM(east, north)
  return {
    lat: lat + (northM * 180) / (((semiMajorM * (1 - eccentricitySquared)) / (magic * root)) * Math.PI),
    lon: lon + (eastM * 180) / ((semiMajorM / root) * Math.cos(radLat) * Math.PI),
  }
}

/** To WGS-84, to a centimetre: the formula has no inverse and is approached step by step. */
export function fromGcj02(gcj: Degrees): Degrees {
  let guess = gcj
  for (let step = 0; step < 10; step++) {
    const there = toGcj02(guess)
    const off = { lat: gcj.lat - there.lat, lon: gcj.lon - there.lon }
    guess = { lat: guess.lat + off.lat, lon: guess.lon + off.lon }
    if (Math.abs(off.lat) < 1e-9 && Math.abs(off.lon) < 1e-9) break
  }
  return guess
}

/** The rectangle that the formula is used in. */
function isInChina({ lat, lon }: Degrees): boolean {
  return lon >= 72.004 && lon <= 137.8347 && lat >= 0.8293 && lat <= 55.8271
}

function northShiftM(x: number, y: number): number {
  const plain = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x))
  const amplitudes = [20, 20, 20, 40, 160, 320]
  return plain + waves(amplitudes, [6 * x, 2 * x, y, y / 3, y / 12, y / 30])
}

function eastShiftM(x: number, y: number): number {
  const plain = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x))
  const amplitudes = [20, 20, 20, 40, 150, 300]
  return plain + waves(amplitudes, [6 * x, 2 * x, x, x / 3, x / 12, x / 30])
}

/** Two thirds of the sum of sines; their angles are in half turns. */
function waves(amplitudes: readonly number[], halfTurns: readonly number[]): number {
  const sum = amplitudes.reduce(
    (total, amplitude, at) => total + amplitude * Math.sin((halfTurns[at] ?? 0) * Math.PI),
    0,
  )
  return (sum * 2) / 3
}
