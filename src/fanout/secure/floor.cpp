#include "fanout/secure/floor.hpp"

#include <openssl/core_names.h>

#include <cstring>
#include <stdexcept>

#include "fanout/secure/hmac.hpp"
#include "fanout/secure/openssl.hpp"
#ifdef FANOUT_HAS_IPSEC_MB
#include "fanout/secure/ipsec_mb.hpp"
#endif

namespace fanout {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMaxPayload = 1200;
constexpr std::size_t kSlots = 64;  // packets in flight, as a batch of datagrams has them
constexpr std::size_t kGcmTag = tag_size(SrtpProfile::aead_aes_128_gcm);
constexpr std::size_t kRollover = 4;

/// One payload for all, one packet buffer per slot, one nonce.
struct Buffers {
  std::size_t payload_size;
  alignas(16) std::array<std::uint8_t, 16> iv{1};
  std::array<std::uint8_t, kMaxPayload> payload{};
  std::array<std::array<std::uint8_t, 1280>, kSlots> packets{};

  std::uint8_t* packet(std::size_t i) noexcept { return packets[i % kSlots].data(); }
};

#ifdef FANOUT_HAS_IPSEC_MB
void seal_gcm(IMB_MGR* manager, std::span<const SrtpKey> keys, Buffers& buffers) noexcept {
  gcm_context_data context;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint8_t* const packet = buffers.packet(i);
    std::uint8_t* const body = packet + kHeader;
    IMB_AES128_GCM_ENC(manager, gcm_tables(keys[i]), &context, body, buffers.payload.data(),
                       buffers.payload_size, buffers.iv.data(), packet, kHeader,
                       body + buffers.payload_size, kGcmTag);
  }
}

struct CounterJobs {
  std::array<IMB_JOB, kSlots> ciphers{};
  std::array<IMB_JOB, kSlots> hashes{};
  std::array<Sha1Digest, kSlots> digests{};
};

void set_counter_job(CounterJobs& jobs, std::size_t i, const SrtpKey& key,
                     Buffers& buffers) noexcept {
  IMB_JOB& cipher = jobs.ciphers[i];
  cipher.enc_keys = counter_key(key).rounds.data();
  cipher.key_len_in_bytes = kSrtpKeySize;
  cipher.src = buffers.payload.data();
  cipher.dst = buffers.packet(i) + kHeader;
  cipher.msg_len_to_cipher_in_bytes = buffers.payload_size;
  cipher.iv = buffers.iv.data();
  cipher.iv_len_in_bytes = buffers.iv.size();
  IMB_JOB& hash = jobs.hashes[i];
  hash.src = buffers.packet(i);
  hash.msg_len_to_hash_in_bytes = kHeader + buffers.payload_size + kRollover;
  hash.auth_tag_output = jobs.digests[i].data();
  hash.auth_tag_output_len_in_bytes = jobs.digests[i].size();
  hash.u.HMAC._hashed_auth_key_xor_ipad = counter_key(key).inner.data();
  hash.u.HMAC._hashed_auth_key_xor_opad = counter_key(key).outer.data();
}

void seal_counter(IMB_MGR* manager, std::span<const SrtpKey> keys, Buffers& buffers,
                  CounterJobs& jobs) noexcept {
  for (std::size_t start = 0; start < keys.size(); start += kSlots) {
    const auto burst = keys.subspan(start, std::min(kSlots, keys.size() - start));
    for (std::size_t i = 0; i < burst.size(); ++i) set_counter_job(jobs, i, burst[i], buffers);
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs.ciphers.data(), burst.size(), IMB_CIPHER_CNTR,
                                    IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
    IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs.hashes.data(), burst.size(), IMB_AUTH_HMAC_SHA_1);
  }
}

void seal_by_ipsec_mb(const FloorKeys& keys, Buffers& buffers, std::size_t rounds) {
  const auto manager = make_manager();
  const auto jobs = std::make_unique<CounterJobs>();
  for (std::size_t round = 0; round < rounds; ++round) {
    if (keys.profile() == SrtpProfile::aead_aes_128_gcm)
      seal_gcm(manager.get(), keys.keys(), buffers);
    else
      seal_counter(manager.get(), keys.keys(), buffers, *jobs);
  }
}
#else
void seal_by_ipsec_mb(const FloorKeys&, Buffers&, std::size_t) {}
#endif

void seal_gcm(EVP_CIPHER_CTX* context, std::span<const SrtpKey> keys, Buffers& buffers) noexcept {
  const int payload_size = static_cast<int>(buffers.payload_size);
  int size = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint8_t* const packet = buffers.packet(i);
    std::uint8_t* const body = packet + kHeader;
    std::uint8_t* const tag = body + payload_size;
    EVP_EncryptInit_ex2(context, nullptr, keys[i].expanded.data(), buffers.iv.data(), nullptr);
    EVP_EncryptUpdate(context, nullptr, &size, packet, kHeader);
    EVP_EncryptUpdate(context, body, &size, buffers.payload.data(), payload_size);
    EVP_EncryptFinal_ex(context, tag, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kGcmTag, tag);
  }
}

void seal_counter(EVP_CIPHER_CTX* context, EVP_MAC_CTX* hmac, std::span<const SrtpKey> keys,
                  Buffers& buffers) noexcept {
  const int payload_size = static_cast<int>(buffers.payload_size);
  int size = 0;
  Sha1Digest digest;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint8_t* const packet = buffers.packet(i);
    EVP_EncryptInit_ex2(context, nullptr, keys[i].expanded.data(), buffers.iv.data(), nullptr);
    EVP_EncryptUpdate(context, packet + kHeader, &size, buffers.payload.data(), payload_size);
    run_hmac(hmac, Bytes(keys[i].expanded).first(digest.size()),
             {packet, kHeader + buffers.payload_size + kRollover}, digest);
  }
}

void seal_by_openssl(const FloorKeys& keys, Buffers& buffers, std::size_t rounds) {
  const bool gcm = keys.profile() == SrtpProfile::aead_aes_128_gcm;
  const OwnedLibrary library = make_library();
  const auto cipher = make_cipher(library.get(), gcm ? "AES-128-GCM" : "AES-128-CTR", true);
  const auto hmac = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA1);
  for (std::size_t round = 0; round < rounds; ++round) {
    if (gcm)
      seal_gcm(cipher.get(), keys.keys(), buffers);
    else
      seal_counter(cipher.get(), hmac.get(), keys.keys(), buffers);
  }
}

}  // namespace

FloorKeys::FloorKeys(SrtpBackend backend, SrtpProfile profile, std::size_t count)
    : profile_(profile) {
  const auto engine = SrtpEngine::make(backend);
  is_ipsec_mb_ = engine->name() == "ipsec_mb";
  SrtpMaster master{.profile = profile};
  keys_.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(master.key.data(), &i, sizeof(i));
    keys_.push_back(engine->rtp_key(master));
  }
}

std::uint64_t floor_seal(const FloorKeys& keys, std::size_t payload_size, std::size_t rounds) {
  if (payload_size > kMaxPayload) throw std::invalid_argument("a payload is at most 1,200 bytes");
  const auto buffers = std::make_unique<Buffers>();
  buffers->payload_size = payload_size;
  if (keys.is_ipsec_mb())
    seal_by_ipsec_mb(keys, *buffers, rounds);
  else
    seal_by_openssl(keys, *buffers, rounds);
  return std::uint64_t{rounds} * keys.keys().size() * (payload_size + tag_size(keys.profile()));
}

std::uint64_t floor_checks(std::size_t checks, std::size_t request_size, std::size_t answer_size) {
  std::array<std::uint8_t, kMaxPayload> message{};
  if (std::max(request_size, answer_size) > message.size())
    throw std::invalid_argument("a message is at most 1,200 bytes");
  for (std::size_t i = 0; i < checks; ++i) {
    const HmacSha1 key(Bytes(message).first(32));
    const auto seen = key(Bytes(message).first(request_size));
    const auto answer = key(Bytes(message).first(answer_size));
    message[i % 32] = seen[0] ^ answer[0];  // the next waits for this, and so nothing is left out
  }
  return std::uint64_t{checks} * (request_size + answer_size);
}

}  // namespace fanout
