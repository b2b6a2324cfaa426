// How loud a stream is, for meters. One AudioContext for the whole page: browsers allow few.

/** @type {AudioContext | undefined} */
let context;

const FLOOR_DB = -60; // below it a meter shows nothing

/**
 * Decibels as a share of a meter's length.
 * @param {number} db full scale is 0
 * @returns {number} 0..1
 */
export function meterShare(db) {
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

/** Measures one stream without playing it. */
export class Meter {
  #source;
  #analyser;
  #samples;

  /** @param {MediaStream} stream with an audio track */
  constructor(stream) {
    context ??= new AudioContext({ latencyHint: "playback" });
    if (context.state === "suspended") context.resume().catch(() => {});
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /**
   * Root mean square of the last 21 ms.
   * @returns {number} dBFS, -Infinity for digital silence
   */
  decibels() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const energy = this.#samples.reduce((sum, sample) => sum + sample * sample, 0);
    return 10 * Math.log10(energy / this.#samples.length);
  }

  /** @returns {number} 0 (silence, -60 dBFS) .. 1 (full scale) */
  level() {
    return meterShare(this.decibels());
  }

  close() {
    this.#source.disconnect();
  }
}
