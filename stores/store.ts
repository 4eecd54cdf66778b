/** What every store is: the contract suite (store.contract.test.ts) holds each of them to it. */
import type { Checkpoint, Point, Rejection } from '../telemetry/point.ts'
import type { ReadingStore } from '../telemetry/query.ts'

export type Store = ReadingStore & {
  /** Writing a series and time again replaces the value. @throws UnavailableError */
  write(points: Point[]): Promise<Rejection[]>
  /** Makes the points of write() and the checkpoint last, together or the points first. @throws UnavailableError */
  commit(checkpoint: Checkpoint): Promise<void>
  checkpoint(): Promise<Checkpoint | null>
  close(): Promise<void>
}
