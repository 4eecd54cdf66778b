/** CBOR of any shape: a TreeLayout says where the readings stand in it. */
import type { Codec } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { createBinaryTreeCodec } from './binary-tree.ts'
import { decodeCborItem, encodeCborItem } from './cbor-item.ts'

/** @throws Error for a path of the layout that cannot be read */
export const createCborCodec = (layout: TreeLayout): Codec =>
  createBinaryTreeCodec('cbor', layout, decodeCborItem, encodeCborItem)
