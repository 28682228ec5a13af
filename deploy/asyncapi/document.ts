/**
 * The MQTT contract as an AsyncAPI 3 document, made from the schemas that the processes parse with: what is published
 * cannot differ from what is taken.
 */
import { stringify } from 'yaml'
import { z } from 'zod'
import { type ContractChannel, channels, parameters } from './channels.ts'
import { type ContractMessage, messages } from './messages.ts'

type Json = Readonly<Record<string, unknown>>

/** Version of the contract, which stands in our topics as `fw/1`. */
const contractVersion = '1.0.0'
const bindingVersion = '0.2.0'

/** The document as an object. */
export function asyncApiDocument(): Json {
  return {
    asyncapi: '3.1.0',
    info: { title: 'Forewarn over MQTT', version: contractVersion, ...infoTexts },
    defaultContentType: 'application/json',
    servers: { district: server },
    channels: mapped(channels, channelOf),
    operations: Object.fromEntries(Object.entries(channels).map(operationOf)),
    components: {
      messages: mapped(messages, messageOf),
      schemas: mapped(messages, ({ schema }: ContractMessage) => schemaOf(schema)),
      securitySchemes: {
        password: { type: 'userPassword', description: 'User name: the id of the gateway' },
        certificate: { type: 'X509', description: 'Common name: the id of the gateway' },
      },
    },
  }
}

/** The document as YAML, as it stands in docs/asyncapi.yaml. */
export function asyncApiYaml(): string {
  const heading = '# The MQTT contract. Made by `forewarn asyncapi`; a test holds it against the code.\n'
  return heading + stringify(asyncApiDocument(), { lineWidth: 120, aliasDuplicateObjects: false })
}

const infoTexts = {
  description: [
    'What gateways and devices say to a district’s house, and what it says to them, over MQTT 3.1 and 3.1.1.',
    'A PUBACK means that the message is on disk: readings in the journal, and whatever was refused in the quarantine,',
    'with its reason. Nothing is refused to a gateway on the wire, because it would only send it again.',
    'Clients that ask for MQTT 5 are refused at CONNECT (code 1): set them to 3.1.1.',
  ].join(' '),
  license: { name: 'Apache-2.0' },
}

const server: Json = {
  host: 'forewarn.example:8883',
  protocol: 'secure-mqtt',
  protocolVersion: '3.1.1',
  description: 'The broker of one district',
  security: [{ $ref: '#/components/securitySchemes/password' }, { $ref: '#/components/securitySchemes/certificate' }],
  bindings: {
    mqtt: {
      cleanSession: false,
      keepAlive: 60,
      lastWill: { topic: 'fw/1/{district}/{gateway}/status', qos: 1, message: '{"state":"offline"}', retain: true },
      bindingVersion,
    },
  },
}

function mapped<T>(entries: Readonly<Record<string, T>>, shape: (value: T, name: string) => Json): Json {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, shape(value, name)]))
}

function channelOf({ address, title, messages: names }: ContractChannel): Json {
  const used = [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
  return {
    address,
    title,
    parameters: Object.fromEntries(used.map(name => [name, { description: parameters[name] ?? name }])),
    messages: Object.fromEntries(names.map(name => [name, { $ref: `#/components/messages/${name}` }])),
  }
}

function operationOf([name, { house, title, messages: names, qos, retain }]: [string, ContractChannel]): [
  string,
  Json,
] {
  return [
    name,
    {
      action: house,
      title,
      channel: { $ref: `#/channels/${name}` },
      messages: names.map(message => ({ $ref: `#/channels/${name}/messages/${message}` })),
      bindings: { mqtt: { qos, retain, bindingVersion } },
    },
  ]
}

function messageOf({ title, summary, contentType, examples }: ContractMessage, name: string): Json {
  return {
    name,
    title,
    summary,
    contentType,
    payload: { $ref: `#/components/schemas/${name}` },
    ...(examples.length === 0 ? {} : { examples: examples.map(example => ({ ...example })) }),
  }
}

/** AsyncAPI's own schemas are a superset of JSON Schema draft 7. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' })
  return rest
}
