/** A parameter that names several of a closed list: `state=late,lost`. */
import { ParameterError } from './parameters.ts'

/** Undefined when it is not given. @throws ParameterError */
export function listOf<T extends string>(name: string, text: string | undefined, known: readonly T[]): T[] | undefined {
  return text?.split(',').map((part) => {
    const found = known.find((it) => it === part)
    if (found === undefined) throw new ParameterError(`${name}: "${part}" given, some of ${known.join(', ')} wanted`)
    return found
  })
}
