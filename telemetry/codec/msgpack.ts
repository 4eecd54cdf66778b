/** MessagePack of any shape: a TreeLayout says where the readings stand in it. */
import type { Codec } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { createBinaryTreeCodec } from './binary-tree.ts'
import { decodeMsgpackItem, encodeMsgpackItem } from './msgpack-item.ts'

/** @throws Error for a path of the layout that cannot be read */
export const createMsgpackCodec = (layout: TreeLayout): Codec =>
  createBinaryTreeCodec('msgpack', layout, decodeMsgpackItem, encodeMsgpackItem)
