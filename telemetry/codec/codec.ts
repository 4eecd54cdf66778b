/** The codecs that a route can name. */
import type { Decode } from '../reading.ts'
import type { Route } from '../route.ts'
import { decodeValue } from './value.ts'

export const decoders: Readonly<Record<Route['payload'], Decode>> = { value: decodeValue }
