#include <vector>

#include "fanout/base/flat_index.hpp"
#include "fanout/base/seq.hpp"
#include "fanout/base/spsc_bytes.hpp"
#include "fanout/bindings/bind.hpp"

namespace fanout {

namespace {

/// A key whose low byte says where in the index it would like to lie, for tests of crowds there.
struct PlainKey {
  std::uint64_t number;
  bool operator==(const PlainKey&) const = default;
};
std::uint64_t hash_value(const PlainKey& key, std::uint64_t) noexcept { return key.number << 56; }

/// An index of rows that are never given back, by which it looks like a map.
class PlainIndex {
 public:
  explicit PlainIndex(std::size_t capacity) : index_(capacity, 0, {this}) {}

  std::size_t size() const noexcept { return index_.size(); }
  std::optional<std::uint64_t> find(std::uint64_t key) {
    const auto* row = index_.find({key});
    return row ? std::optional(rows_[*row - 1].value) : std::nullopt;
  }
  bool set(std::uint64_t key, std::uint64_t value) {
    rows_.push_back({key, value});
    return index_.set({key}, rows_.size());
  }
  bool erase(std::uint64_t key) { return index_.erase({key}); }

 private:
  struct Row {
    std::uint64_t key;
    std::uint64_t value;
  };
  struct Has {
    const PlainIndex* self;
    bool operator()(std::uint64_t row, const PlainKey& key) const noexcept {
      return self->rows_[row - 1].key == key.number;
    }
  };

  std::vector<Row> rows_;
  FlatIndex<PlainKey, std::uint64_t, Has> index_;
};

void bind_flat_index(py::module_& module) {
  py::class_<PlainIndex>(module, "FlatIndex")
      .def(py::init<std::size_t>(), py::arg("capacity"))
      .def("__len__", &PlainIndex::size)
      .def("find", &PlainIndex::find, py::arg("key"))
      .def("set", &PlainIndex::set, py::arg("key"), py::arg("value"))
      .def("erase", &PlainIndex::erase, py::arg("key"));
}

void bind_spsc_bytes(py::module_& module) {
  py::class_<SpscBytes>(module, "SpscBytes")
      .def(py::init<std::size_t>(), py::arg("capacity"))
      .def("__len__", &SpscBytes::size)
      .def(
          "push",
          [](SpscBytes& self, const py::bytes& string) {
            const auto bytes = view(string);
            const auto room = self.reserve(bytes.size());
            if (room.empty()) return false;
            std::ranges::copy(bytes, room.begin());
            self.publish();
            return true;
          },
          py::arg("string"))
      .def("pop", [](SpscBytes& self) -> std::optional<py::bytes> {
        const auto oldest = self.peek();
        if (oldest.empty()) return std::nullopt;
        const auto string = to_bytes(oldest);
        self.release();
        return string;
      });
}

}  // namespace

void bind_base(py::module_& module) {
  static py::exception<Dropped> dropped(module, "Dropped", PyExc_ValueError);
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Dropped& reason) {
      py::set_error(dropped, std::string(name(reason.drop)).c_str());
    }
  });
  bind_flat_index(module);
  bind_spsc_bytes(module);
  module.def("drop_names", [] {
    py::list names;
    for (std::size_t i = 0; i < kDropKinds; ++i) names.append(name(static_cast<Drop>(i)));
    return names;
  });
  module.def("unwrap", &unwrap, py::arg("seq"), py::arg("reference"));
  module.def("unwrap_timestamp", &unwrap_timestamp, py::arg("timestamp"), py::arg("reference"));
}

}  // namespace fanout
