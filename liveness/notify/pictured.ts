/** Puts the picture into what a sender delivers, at the time of the try: what waits holds none, and a store that is away delays little. */
import type { Alert, AlertChart } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Parcel, Sender, Told } from './parcel.ts'

/** Null: there is nothing to draw. */
export type ChartOf = (alert: Alert, atMs: number) => Promise<AlertChart | null>

export function pictured(sender: Sender, chartOf: ChartOf): Sender {
  async function withChart(told: Told): Promise<Told> {
    const { notification } = told
    // What waits may be changed by what comes meanwhile, so it is left as it is.
    return {
      ...told,
      notification: { ...notification, chart: await soon(chartOf(notification.alert, notification.atMs)) },
    }
  }

  return {
    ...sender,
    async deliver(parcel: Parcel) {
      const [first] = parcel.told
      const isDrawn =
        parcel.told.length === 1 && first?.notification.chart === null && first.notification.alert.channel !== ''
      return sender.deliver(isDrawn ? { ...parcel, told: [await withChart(first)] } : parcel)
    },
  }
}

/** A picture is worth no more than a moment: without it the alert says all that matters. */
async function soon(asked: Promise<AlertChart | null>): Promise<AlertChart | null> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limits.alertChartWaitMsMax)
  })
  return Promise.race([asked.catch(() => null), tooLong]).finally(() => clearTimeout(timer))
}
