import type { Route } from '../telemetry/route.ts'

export const nearestRoutes = (_routes: Route[], _topic: string): Array<{ topic: string; why: string }> => []
