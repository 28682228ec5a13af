/**
 * The peer: the ingest that a good engineer writes in an afternoon. One MQTT.js subscriber, one InfluxDB client with
 * its own batching, nothing else. Arguments: MQTT URL, InfluxDB URL.
 */
import { InfluxDB, Point } from '@influxdata/influxdb-client'
import { connect } from 'mqtt'

const [mqttUrl = '', influxUrl = ''] = process.argv.slice(2)
const api = new InfluxDB({ url: influxUrl, token: '' }).getWriteApi('', 'bench', 'ms', {
  batchSize: 5000,
  flushInterval: 1000,
})
api.path = '/write?db=bench&precision=ms'
const client = connect(mqttUrl, { clientId: 'stock-ingest' })
client.on('connect', () => client.subscribe('fw/1/#', { qos: 1 }, () => process.stdout.write('ready\n')))
client.on('message', (_topic, payload) => {
  let baseS = 0
  for (const record of JSON.parse(payload.toString())) {
    if (record.bt !== undefined) baseS = record.bt
    api.writePoint(
      new Point('r')
        .tag('s', record.n)
        .floatField('v', record.v)
        .timestamp(Math.round((baseS + (record.t ?? 0)) * 1000)),
    )
  }
})
process.on('SIGTERM', () => void api.close().finally(() => process.exit(0)))
