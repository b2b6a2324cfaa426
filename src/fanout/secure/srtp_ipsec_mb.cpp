/// SRTP on intel-ipsec-mb. GCM packets are sealed one by one by a direct call with tables
/// computed at the join; AES-CM packets are gathered, so that SHA-1 runs over many of them in
/// the lanes of one vector.
#ifdef FANOUT_HAS_IPSEC_MB

#include "fanout/secure/ipsec_mb.hpp"
#include "fanout/secure/srtp_packets.hpp"

namespace fanout {
namespace {

constexpr std::size_t kShaBlock = 64;
constexpr std::size_t kCacheLine = 64;

/// The powers of a hash key end before the salt and the profile.
constexpr std::size_t kAfterPowers = sizeof(SrtpKey) - sizeof(SrtpKey::expanded);

/// Keys are fetched into L2: in L1 the packets sealed meanwhile would push them out again.
constexpr int kIntoL2 = 2;

/// AES-CM packets gathered: four times the widest vector of SHA-1 lanes.
constexpr std::size_t kBurst = 64;
static_assert(kBurst <= IMB_MAX_BURST_SIZE);

/// AES-CM packets on their way through the lanes of the library.
class CounterLanes {
 public:
  explicit CounterLanes(IMB_MGR* manager) noexcept : manager_(manager) {}

  bool is_full() const noexcept { return size_ == kBurst; }

  void add(const SealJob& job) noexcept {
    std::uint8_t* const body = job.packet + job.header_size;
    std::uint8_t* const tag = body + job.payload_size;
    store_be(tag, rollover_of(job.index));  // hashed where the tag will be, never sent
    ivs_[size_] = counter_iv(*job.key, job.ssrc, job.index);
    tags_[size_] = tag;
    IMB_JOB& next = next_job();
    set_cipher(next, *job.key, ivs_[size_], {job.payload, job.payload_size}, body);
    set_hash(next, *job.key, Bytes(job.packet, tag + kRolloverSize), digests_[size_]);
    IMB_SUBMIT_JOB_NOCHECK(manager_);
    ++size_;
  }

  /// Completes all, and only then puts the tags where rollover counters were hashed.
  void flush() noexcept {
    while (IMB_FLUSH_JOB(manager_) != nullptr) continue;
    for (std::size_t i = 0; i < size_; ++i) std::copy_n(digests_[i].begin(), kCounterTag, tags_[i]);
    size_ = 0;
  }

  void crypt(const SrtpKey& key, const SrtpIv& iv, Bytes in, std::uint8_t* out) noexcept {
    IMB_JOB& job = next_job();
    set_cipher(job, key, iv, in, out);
    IMB_SUBMIT_JOB_NOCHECK(manager_);
    flush();
  }

  Sha1Digest authenticate(const SrtpKey& key, Bytes message) noexcept {
    IMB_JOB& job = next_job();
    set_hash(job, key, message, digests_[0]);
    IMB_SUBMIT_JOB_NOCHECK(manager_);
    flush();
    return digests_[0];
  }

 private:
  /// A job that does nothing yet.
  IMB_JOB& next_job() noexcept {
    IMB_JOB& job = *IMB_GET_NEXT_JOB(manager_);
    job.src = nullptr;
    job.cipher_mode = IMB_CIPHER_NULL;
    job.hash_alg = IMB_AUTH_NULL;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.chain_order = IMB_ORDER_CIPHER_HASH;
    return job;
  }

  /// An empty payload makes no cipher job: the library has no such thing.
  static void set_cipher(IMB_JOB& job, const SrtpKey& key, const SrtpIv& iv, Bytes in,
                         std::uint8_t* out) noexcept {
    if (in.empty()) return;
    job.cipher_mode = IMB_CIPHER_CNTR;
    job.enc_keys = counter_key(key).rounds.data();
    job.key_len_in_bytes = kSrtpKeySize;
    job.iv = iv.data();
    job.iv_len_in_bytes = SrtpIv::size();
    job.src = in.data();
    job.dst = out;
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = in.size();
  }

  /// The library hashes from an offset to the cipher's source; the message is elsewhere, so the
  /// offset is the distance, modulo 2^64.
  static void set_hash(IMB_JOB& job, const SrtpKey& key, Bytes message,
                       Sha1Digest& digest) noexcept {
    job.hash_alg = IMB_AUTH_HMAC_SHA_1;
    job.hash_start_src_offset_in_bytes = reinterpret_cast<std::uintptr_t>(message.data()) -
                                         reinterpret_cast<std::uintptr_t>(job.src);
    job.msg_len_to_hash_in_bytes = message.size();
    job.auth_tag_output = digest.data();
    job.auth_tag_output_len_in_bytes = digest.size();
    job.u.HMAC._hashed_auth_key_xor_ipad = counter_key(key).inner.data();
    job.u.HMAC._hashed_auth_key_xor_opad = counter_key(key).outer.data();
  }

  IMB_MGR* manager_;
  std::size_t size_ = 0;
  std::array<SrtpIv, kBurst> ivs_{};
  std::array<Sha1Digest, kBurst> digests_{};  // the library writes 12 bytes or 20, never 10
  std::array<std::uint8_t*, kBurst> tags_{};
};

class IpsecMbEngine final : public SrtpPackets {
 public:
  explicit IpsecMbEngine(OwnedManager manager)
      : manager_(std::move(manager)),
        lanes_(manager_.get()),
        has_long_tables_((manager_->features & IMB_FEATURE_VAES) != 0 &&
                         manager_->used_arch == IMB_ARCH_AVX512) {}

  std::string_view name() const noexcept override { return "ipsec_mb"; }

  SrtpKey expand(SrtpProfile profile, const SessionKeys& session) noexcept override {
    SrtpKey key{.expanded = {}, .salt = session.salt, .profile = profile};
    if (profile == SrtpProfile::aead_aes_128_gcm) {
      IMB_AES128_GCM_PRE(manager_.get(), session.cipher.data(), gcm_tables(key));
    } else {
      const CounterKey expanded = expand_counter(session);
      std::memcpy(key.expanded.data(), &expanded, sizeof(expanded));
    }
    return key;
  }

  /// Asks for the cache lines of a key that sealing will touch: the round keys in front, the
  /// salt at the end, and the powers of the hash key: with VAES as many as there are blocks, a
  /// partial one included, counted from the end; else eight, and their Karatsuba halves, after
  /// the round keys. One line forgotten is a miss that every packet waits for.
  /// The profile is a guess, the latest: to ask the key itself would be to wait for it.
  void fetch(const SrtpKey& key, std::size_t payload_size) const noexcept override {
    const auto* const first = reinterpret_cast<const std::uint8_t*>(&key);
    const std::uint8_t* const last = first + sizeof(SrtpKey) - kCacheLine;
    const bool gcm = latest_ == SrtpProfile::aead_aes_128_gcm;
    const std::size_t front = !gcm ? 4 : has_long_tables_ ? 3 : 8;
    const std::size_t blocks = gcm && has_long_tables_ ? (payload_size + 15) / 16 : 0;
    const std::size_t back = (blocks * 16 + kAfterPowers - 1) / kCacheLine;
    for (std::size_t i = 0; i < front; ++i) __builtin_prefetch(first + i * kCacheLine, 0, kIntoL2);
    for (std::size_t i = std::min<std::size_t>(back, 12) + 1; i-- > 0;)
      __builtin_prefetch(last - i * kCacheLine, 0, kIntoL2);
  }

  void start_rtp(std::span<const SealJob> jobs) noexcept override {
    for (const SealJob& job : jobs) {
      if (job.key->profile == SrtpProfile::aead_aes_128_gcm) {
        gcm_seal(*job.key, gcm_iv(*job.key, job.ssrc, job.index), {job.packet, job.header_size},
                 {job.payload, job.payload_size}, job.packet + job.header_size);
      } else {
        lanes_.add(job);
        if (lanes_.is_full()) lanes_.flush();
      }
    }
    if (!jobs.empty()) latest_ = jobs.back().key->profile;
  }

  void finish_rtp() noexcept override { lanes_.flush(); }

 protected:
  void gcm_seal(const SrtpKey& key, const SrtpIv& iv, Bytes associated, Bytes plain,
                std::uint8_t* out) noexcept override {
    IMB_AES128_GCM_ENC(manager_.get(), gcm_tables(key), &gcm_, out, plain.data(), plain.size(),
                       iv.data(), associated.data(), associated.size(), out + plain.size(),
                       kGcmTag);
  }

  bool gcm_open(const SrtpKey& key, const SrtpIv& iv, Bytes associated,
                MutableBytes sealed) noexcept override {
    const auto body = sealed.first(sealed.size() - kGcmTag);
    std::array<std::uint8_t, kGcmTag> tag;
    IMB_AES128_GCM_DEC(manager_.get(), gcm_tables(key), &gcm_, body.data(), body.data(),
                       body.size(), iv.data(), associated.data(), associated.size(), tag.data(),
                       tag.size());
    return equal_in_constant_time(tag, sealed.last<kGcmTag>());
  }

  void counter_crypt(const SrtpKey& key, const SrtpIv& iv, Bytes in,
                     std::uint8_t* out) noexcept override {
    lanes_.crypt(key, iv, in, out);
  }

  SessionKeys derive(const SrtpMaster& master, SrtpUse use) noexcept override {
    const RoundKeys rounds = expand_rounds(master.key);
    return derive_keys(master, use, [&](auto iv, MutableBytes out) {
      constexpr std::array<std::uint8_t, 16> kZeros{};
      for (std::uint8_t block = 0; !out.empty(); ++block) {
        iv.back() = block;
        const auto size = std::min(out.size(), iv.size());
        IMB_AES128_CFB_ONE(manager_.get(), out.data(), kZeros.data(), iv.data(), rounds.data(),
                           size);
        out = out.subspan(size);
      }
    });
  }

  Sha1Digest authenticate(const SrtpKey& key, Bytes message) noexcept override {
    return lanes_.authenticate(key, message);
  }

 private:
  RoundKeys expand_rounds(const std::array<std::uint8_t, kSrtpKeySize>& key) noexcept {
    RoundKeys rounds;
    RoundKeys decryption;
    IMB_AES_KEYEXP_128(manager_.get(), key.data(), rounds.data(), decryption.data());
    return rounds;
  }

  CounterKey expand_counter(const SessionKeys& session) noexcept {
    CounterKey key;
    key.rounds = expand_rounds(session.cipher);
    key.inner = hash_padded(session, 0x36);
    key.outer = hash_padded(session, 0x5c);
    return key;
  }

  Sha1Digest hash_padded(const SessionKeys& session, std::uint8_t pad) noexcept {
    std::array<std::uint8_t, kShaBlock> block{};
    std::ranges::copy(session.authentication, block.begin());
    for (auto& byte : block) byte ^= pad;
    Sha1Digest state;
    IMB_SHA1_ONE_BLOCK(manager_.get(), block.data(), state.data());
    return state;
  }

  OwnedManager manager_;
  gcm_context_data gcm_{};
  CounterLanes lanes_;
  bool has_long_tables_;
  SrtpProfile latest_ = SrtpProfile::aead_aes_128_gcm;
};

}  // namespace

std::unique_ptr<SrtpEngine> make_ipsec_mb_engine() {
  auto manager = make_manager();
  return manager ? std::make_unique<IpsecMbEngine>(std::move(manager)) : nullptr;
}

}  // namespace fanout

#else

#include "fanout/secure/srtp_packets.hpp"

std::unique_ptr<fanout::SrtpEngine> fanout::make_ipsec_mb_engine() { return nullptr; }

#endif
