/** Boxes on the screen that must not touch: markers take their room first, names take what is left. Pure. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Room {
  /** Takes the box whatever is there: markers are never left out. */
  take(box: Box): void
  /** Takes the first of the boxes that touches nothing; undefined when all do. */
  takeFree(candidates: readonly Box[]): Box | undefined
}

export function emptyRoom(): Room {
  const taken: Box[] = []
  return {
    take: box => void taken.push(box),
    takeFree(candidates) {
      const free = candidates.find(box => !taken.some(other => touch(box, other)))
      if (free !== undefined) taken.push(free)
      return free
    },
  }
}

function touch(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}
