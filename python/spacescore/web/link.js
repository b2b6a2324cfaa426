// One PeerConnection that brings audio, and the evidence that it does.

import { JoinError } from "./errors.js";
import { Watchdog } from "./watchdog.js";

/**
 * In the spirit of W3C getStats, for the link that plays now.
 * @typedef {object} Stats
 * @property {number} packets received
 * @property {number} lost
 * @property {number} jitter seconds
 * @property {number} concealed samples that had to be invented, also between the rare packets of a
 *   silent room
 * @property {number} samples received in all, concealed ones included
 * @property {number} bytes received
 * @property {number} delay seconds in the jitter buffer, mean
 * @property {string} srtpCipher "" where the browser does not say
 * @property {string} codec e.g. "audio/opus"
 */

/**
 * Makes a PeerConnection and a link of it; whatever fails on the way closes it.
 * @param {(pc: RTCPeerConnection) => Promise<Link>} negotiate sets both descriptions
 * @param {RTCIceServer[]} [iceServers] relays, for whom a network lets nothing else through
 * @returns {Promise<Link>}
 */
export async function connect(negotiate, iceServers = []) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
  try {
    return await negotiate(pc);
  } catch (error) {
    pc.close();
    throw error;
  }
}

/** How long a speaker counts as heard after the last packet that named it. */
const SPOKE_MS = 600;

export class Link {
  /** @type {() => void} */ #hangUp;

  /**
   * @param {RTCPeerConnection} pc with its answer set
   * @param {RTCRtpReceiver} receiver
   * @param {() => void} [hangUp] tells the other side, where there is a way to
   */
  constructor(pc, receiver, hangUp = () => {}) {
    this.pc = pc;
    this.receiver = receiver;
    this.stream = new MediaStream([receiver.track]);
    this.watchdog = new Watchdog(performance.now());
    this.#hangUp = hangUp;
  }

  /** Looks for new packets. @returns {boolean} whether there were any */
  heard() {
    const latest = this.receiver.getSynchronizationSources()[0];
    return this.watchdog.look(latest?.timestamp, performance.now());
  }

  /** No packet for two seconds, or the connection given up by the browser. */
  isDead() {
    return this.pc.connectionState === "failed" || this.watchdog.isStalled(performance.now());
  }

  /**
   * Settles once ICE and DTLS are through.
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  connected(signal) {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new JoinError("timeout", "The audio server does not answer."));
      const look = () => {
        if (this.pc.connectionState === "connected") resolve(this.#expectPackets());
        else if (["failed", "closed"].includes(this.pc.connectionState)) fail();
      };
      this.pc.addEventListener("connectionstatechange", look);
      signal.addEventListener("abort", fail);
      if (signal.aborted) fail();
      look();
    });
  }

  #expectPackets() {
    this.watchdog = new Watchdog(performance.now());
  }

  /**
   * The peers heard in the latest packets: the mixer names them in the CSRC list.
   * @returns {number[]}
   */
  speakers() {
    const now = this.receiver.getSynchronizationSources()[0]?.timestamp ?? 0;
    return this.receiver.getContributingSources()
      .filter(({ timestamp }) => now - timestamp < SPOKE_MS)
      .map(({ source }) => source)
      .sort((a, b) => a - b);
  }

  /** @returns {Promise<Stats>} */
  async stats() {
    const report = [...(await this.receiver.getStats()).values()];
    const of = (/** @type {string} */ type) => report.find((entry) => entry.type === type) ?? {};
    const rtp = of("inbound-rtp");
    return {
      packets: rtp.packetsReceived ?? 0,
      lost: rtp.packetsLost ?? 0,
      jitter: rtp.jitter ?? 0,
      concealed: rtp.concealedSamples ?? 0,
      samples: rtp.totalSamplesReceived ?? 0,
      bytes: rtp.bytesReceived ?? 0,
      delay: rtp.jitterBufferDelay / rtp.jitterBufferEmittedCount || 0,
      srtpCipher: of("transport").srtpCipher ?? "",
      codec: of("codec").mimeType ?? "",
    };
  }

  close() {
    this.#hangUp();
    this.pc.close();
  }
}
