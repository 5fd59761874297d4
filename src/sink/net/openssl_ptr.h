// Owners of OpenSSL's objects.
#pragma once

#include <memory>

namespace slurper {

template <auto kFree>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using OpensslPtr = std::unique_ptr<T, OpensslDeleter<kFree>>;

}  // namespace slurper
