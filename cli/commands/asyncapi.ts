/**
 * `forewarn asyncapi`: the MQTT contract, for whoever builds a gateway or a client from it.
 */
import { Command } from 'commander'

export function asyncapiCommand(): Command {
  return new Command('asyncapi')
    .summary('print the MQTT contract as AsyncAPI 3')
    .description('Prints every topic and message of the MQTT contract as an AsyncAPI 3 document in YAML.')
    .addHelpText('after', '\nExample:\n  forewarn asyncapi > asyncapi.yaml')
    .action(async () => {
      const { asyncApiYaml } = await import('@forewarn/deploy/asyncapi/document')
      process.stdout.write(asyncApiYaml())
    })
}
