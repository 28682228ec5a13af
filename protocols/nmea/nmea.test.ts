import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { checkOuterVectors } from '../vectors/outer-vectors.ts'
import { nmeaDecoder } from './decoder.ts'
import { checksum } from './sentence.ts'

checkVectors('nmea', nmeaDecoder)
checkOuterVectors('nmea', nmeaDecoder)

function recordsOf(body: string) {
  return nmeaDecoder.decode({ text: `$${body}*${checksum(body)}\r\n` }).records
}

test.each([
  [
    'GPGGA,123519.50,4807.038,S,01131.000,W,1,08,0.9,545.4,M,46.9,M,,',
    {
      type: 'GGA',
      timeUTC: '12:35:19.5',
      latitude: -48.1173,
      longitude: -11.516667,
      quality: 1,
      satellites: 8,
      hdop: 0.9,
      altitude_m: 545.4,
      geoid_m: 46.9,
    },
  ],
  ['GPZDA,201530.00,04,07,2026,00,00', { type: 'ZDA', datetime: '2026-07-04T20:15:30Z', zone_h: 0, zone_min: 0 }],
  ['HCHDG,98.3,0.0,E,12.6,W', { type: 'HDG', heading: 98.3, deviation: '0E', variation: '12.6W' }],
  ['HCHDM,201.5,M', { type: 'HDM', heading: 201.5 }],
  ['SDDBT,7.8,f,2.4,M,1.3,F', { type: 'DBT', depth_ft: 7.8, depth_m: 2.4, depth_fathoms: 1.3 }],
  ['SDDPT,2.4,-0.3', { type: 'DPT', depth_m: 2.4, offset_m: -0.3 }],
  [
    'WIMWV,214.8,R,0.1,K,A',
    { type: 'MWV', angle_deg: 214.8, reference: 'relative', speed: 0.1, unit: 'km/h', status: 'valid' },
  ],
  [
    'WIXDR,C,19.52,C,TempAir,P,1.02481,B,Barometer',
    {
      type: 'XDR',
      transducers: [
        { kind: 'C', value: 19.52, unit: 'C', name: 'TempAir' },
        { kind: 'P', value: 1.02481, unit: 'B', name: 'Barometer' },
      ],
    },
  ],
  [
    'GPGSV,2,1,08,01,40,083,46,02,17,308,',
    {
      type: 'GSV',
      messages: 2,
      message: 1,
      inView: 8,
      satellites: [
        { prn: 1, elevation: 40, azimuth: 83, snr: 46 },
        { prn: 2, elevation: 17, azimuth: 308, snr: null },
      ],
    },
  ],
  ['PGRME,15.0,M,45.0,M,25.0,M', { type: 'PGRME', talker: '', fields: ['15.0', 'M', '45.0', 'M', '25.0', 'M'] }],
])('%s is read by its table', (body, record) => {
  expect(recordsOf(body)).toEqual([record])
})

test('what is not known is null and never zero', () => {
  expect(recordsOf('GPRMC,,V,,,,,,,,,,N')).toEqual([
    {
      type: 'RMC',
      datetime: null,
      status: 'invalid',
      latitude: null,
      longitude: null,
      speed_knots: null,
      track_deg: null,
      variation: null,
    },
  ])
  expect(recordsOf('IIVTG,,T,,M,,N,,K,N')).toEqual([{ type: 'VTG', track_true: null, speed_knots: null, mode: 'N' }])
  expect(recordsOf('SDDBT,,f,,M,,F')).toEqual([{ type: 'DBT', depth_ft: null, depth_m: null, depth_fathoms: null }])
})

test('a day that is none, minutes past sixty and a place off the globe are not known', () => {
  expect(recordsOf('GPRMC,123519,A,4860.000,N,18131.000,E,0,0,310226,,')).toMatchObject([
    { datetime: null, latitude: null, longitude: null },
  ])
})

test('a sentence without a checksum, or with a second one inside, is refused', () => {
  expect(nmeaDecoder.decode({ text: '$IIHDT,234.2,T' })).toMatchObject({ ok: false, expect: 'reject' })
  expect(nmeaDecoder.decode({ text: '$IIHDT,23$IIHDT,234.2,T*25' })).toMatchObject({ ok: false, expect: 'reject' })
})

fuzzDecoder('nmea', nmeaDecoder, vectorRows('nmea').map(frameOf), {
  repair: bytes => {
    const body = Buffer.from(bytes)
      .toString('latin1')
      .replace(/^\$|\*.*$/g, '')
    return Buffer.from(`$${body}*${checksum(body)}`, 'latin1')
  },
})
