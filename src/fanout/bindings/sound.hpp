/// Frames of NumPy: read where they lie, and written where they are wanted. float32 is used as it
/// is; int16 is scaled on the way, and saturates rather than wraps.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "fanout/base/audio.hpp"
#include "fanout/bindings/bind.hpp"
#include "fanout/media/mix.hpp"

namespace fanout {

constexpr float kInt16 = 32'768;

/// Samples of a frame, all channels together. Throws TypeError for what is none.
inline std::size_t frame_size(const py::array& frame) {
  const bool type =
      py::isinstance<py::array_t<float>>(frame) || py::isinstance<py::array_t<std::int16_t>>(frame);
  const bool mono = frame.ndim() == 1;
  const bool stereo = frame.ndim() == 2 && frame.shape(1) == static_cast<py::ssize_t>(kMaxChannels);
  const bool dense = (frame.flags() & py::array::c_style) != 0;
  const bool aligned = (frame.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
  if (!type || !dense || !aligned || (!mono && !stereo) || frame.shape(0) != kFrameSamples)
    throw py::type_error(
        "a frame is C-contiguous and aligned, float32 or int16, of shape (960,) or (960, 2), not " +
        std::string(py::str(frame.dtype())) + " " + std::string(py::str(frame.attr("shape"))));
  return static_cast<std::size_t>(frame.size());
}

/// `scratch` is used for int16 only.
inline Sound read_frame(const py::array& frame, Frame& scratch) {
  const auto size = frame_size(frame);
  if (py::isinstance<py::array_t<float>>(frame))
    return {static_cast<const float*>(frame.data()), size};
  const std::span from(static_cast<const std::int16_t*>(frame.data()), size);
  std::ranges::transform(from, scratch.begin(),
                         [](std::int16_t sample) { return static_cast<float>(sample) / kInt16; });
  return Sound(scratch).first(size);
}

inline std::int16_t to_int16(float sample) noexcept {
  constexpr float kLeast = std::numeric_limits<std::int16_t>::min();
  constexpr float kMost = std::numeric_limits<std::int16_t>::max();
  return static_cast<std::int16_t>(std::clamp(std::nearbyint(sample * kInt16), kLeast, kMost));
}

/// Throws ValueError when `frame` is read-only or of another number of channels.
inline void write_frame(Sound sound, py::array& frame) {
  if (frame_size(frame) != sound.size())
    throw std::invalid_argument("the frame has another number of channels");
  if (py::isinstance<py::array_t<float>>(frame)) {
    std::ranges::copy(sound, static_cast<float*>(frame.mutable_data()));
  } else {
    std::ranges::transform(sound, static_cast<std::int16_t*>(frame.mutable_data()), to_int16);
  }
}

}  // namespace fanout
