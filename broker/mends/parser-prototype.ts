import mqtt from 'mqtt-packet'
import type { Parser } from '../aedes-internals.ts'

/** What every parser does before it is mended. */
export const parserPrototype = Object.getPrototypeOf(mqtt.parser()) as Parser
