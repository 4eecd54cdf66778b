import { unwritten } from './unwritten.ts'

export const sparkplugBCodec = unwritten
