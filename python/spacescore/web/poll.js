// Asks for something again and again: with jitter, so that a room full of pages does not ask in
// step; more and more seldom while the service fails, and never before it said; not while nobody
// looks.

const PERIOD_MS = 2500;
const CAP_MS = 30_000;

/**
 * @param {number} failures in a row
 * @param {number} [random] in [0, 1)
 * @param {number} [period] ms
 * @returns {number} ms until the next request: the period ± 20 %, doubled for each failure
 */
export function pollDelay(failures, random = Math.random(), period = PERIOD_MS) {
  const backedOff = Math.max(period, Math.min(CAP_MS, period * 2 ** failures));
  return backedOff * (0.8 + 0.4 * random);
}

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {(value: T) => void} onValue
 * @param {(error: any, failures: number) => void} onError
 * @param {number | (() => number)} [period] ms; where it varies, as it is by now
 * @returns {{ now: () => void, stop: () => void }} now: asks at once
 */
export function poll(ask, onValue, onError, period) {
  let failures = 0;
  let timer = 0;
  let asking = new AbortController();

  async function turn() {
    clearTimeout(timer);
    asking.abort();
    const { signal } = (asking = new AbortController());
    let notBefore = 0;
    try {
      const value = await ask(AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
      if (signal.aborted) return; // stopped while the answer was read
      failures = 0;
      onValue(value);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      notBefore = 1000 * (/** @type {any} */ (error).retryAfter ?? 0);
      onError(error, failures);
    }
    if (signal.aborted || document.hidden) return;
    const now = typeof period === "function" ? period() : period;
    timer = setTimeout(turn, notBefore + pollDelay(failures, Math.random(), now));
  }

  function stop() {
    clearTimeout(timer);
    asking.abort();
    document.removeEventListener("visibilitychange", onVisibility);
  }

  function onVisibility() {
    if (document.hidden) clearTimeout(timer);
    else turn();
  }

  document.addEventListener("visibilitychange", onVisibility);
  turn();
  return { now: turn, stop };
}
