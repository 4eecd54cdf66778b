/** A Route as configured: which topics become which measurement. */
export type Route = {
  /** Topic pattern with named levels; every name becomes a tag. */
  topic: string
  measurement: string
  unit: string
  /** Name of the codec of the payload. */
  payload: 'value'
}
