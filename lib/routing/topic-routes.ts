/**
 * Finds the receivers of a topic: the matching subscriptions, then a route built from them. Both are remembered until
 * subscriptions change, and both can pause: a topic may match very many subscriptions. Owns the live subscriptions and
 * the routes; must not know messages.
 */
import type { Subscriber } from '../model/subscriber.js'
import type { FilterSearch } from '../topic/filter-search.js'
import { FilterTree } from '../topic/filter-tree.js'
import { Cost, type Fairness } from '../util/scheduling/fairness.js'
import type { HostListener } from './host-listener.js'
import { type Match, Route } from './route.js'
import type { SharedGroup } from './shared/shared-group.js'

/** Matching subscriptions that are handled before the budget is checked. */
const SLICE = 256

/** The owner of a subscription. */
export type Receiver = Subscriber | SharedGroup | HostListener

export class TopicRoutes {
  readonly tree = new FilterTree<Match, Receiver>()
  readonly #fairness: Fairness
  /** By the matches: the tree returns the same array for a topic until subscriptions change. */
  readonly #routes = new WeakMap<readonly Match[], Route>()

  constructor(fairness: Fairness) {
    this.#fairness = fairness
  }

  /** Continues a search. @returns the matches, or undefined if the budget is used up */
  find(search: FilterSearch<Receiver, Match>): readonly Match[] | undefined {
    this.#fairness.spend(Cost.search)
    do this.#fairness.spend(search.runPart())
    while (!search.isDone && !this.#fairness.isSpent)
    return search.isDone ? this.tree.found(search) : undefined
  }

  /** The route of these matches; {@link build} may have to complete it. */
  routeOf(matched: readonly Match[]): Route {
    let route = this.#routes.get(matched)
    if (route === undefined) {
      route = new Route(matched)
      this.#routes.set(matched, route)
    }
    return route
  }

  /** Continues to build a route. @returns whether it is complete; false if the budget is used up */
  build(route: Route): boolean {
    while (!route.isComplete) {
      if (this.#fairness.isSpent) return false
      this.#fairness.spend(route.build(SLICE) * Cost.match)
    }
    return true
  }

  /** The complete route of these matches, built in one step. */
  completeRouteOf(matched: readonly Match[]): Route {
    const route = this.routeOf(matched)
    this.#fairness.spend(route.build(Number.POSITIVE_INFINITY) * Cost.match)
    return route
  }
}
