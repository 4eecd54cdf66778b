/** The codecs that a route can name. */
import type { Codec } from '../reading.ts'
import type { CodecOptions, Compression } from '../route.ts'
import { cayenneLppCodec } from './cayenne-lpp.ts'
import { createCborCodec } from './cbor.ts'
import { compressed } from './compressed.ts'
import { createCsvCodec } from './csv.ts'
import { influxCodec } from './influx.ts'
import { createJsonCodec } from './json.ts'
import { createMsgpackCodec } from './msgpack.ts'
import { packedCodec } from './packed.ts'
import { senmlCborCodec } from './senml-cbor.ts'
import { senmlJsonCodec } from './senml-json.ts'
import { sparkplugBCodec } from './sparkplug-b.ts'
import { createStructCodec } from './struct.ts'
import { textCodec } from './text.ts'
import { valueCodec } from './value.ts'

export function createCodec(options: CodecOptions, compression: Compression = 'none'): Codec {
  const codec = plainCodec(options)
  return compression === 'none' ? codec : compressed(codec, compression)
}

function plainCodec(options: CodecOptions): Codec {
  switch (options.codec) {
    case 'value':
      return valueCodec
    case 'text':
      return textCodec
    case 'csv':
      return createCsvCodec(options)
    case 'json':
      return createJsonCodec(options)
    case 'cbor':
      return createCborCodec(options)
    case 'msgpack':
      return createMsgpackCodec(options)
    case 'senml-json':
      return senmlJsonCodec
    case 'senml-cbor':
      return senmlCborCodec
    case 'cayenne-lpp':
      return cayenneLppCodec
    case 'sparkplug-b':
      return sparkplugBCodec
    case 'struct':
      return createStructCodec(options)
    case 'packed':
      return packedCodec
    case 'influx':
      return influxCodec
  }
}
