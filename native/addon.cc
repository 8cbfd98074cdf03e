// The exports: arguments in, one call of bpf_syscall.h, system.h or scan.h, result out. Shapes and meaning: src/collect/native.ts.
// The addon keeps no state at all, so any number of environments (worker threads) can load it, one after another or at once.
#include <errno.h>
#include <napi.h>
#include <stdint.h>

#include <string>
#include <vector>

#include "bpf_syscall.h"
#include "marshal.h"
#include "path_text.h"
#include "scan.h"
#include "system.h"

namespace {

using namespace devpolicy;

// Raised with every change of the shapes in src/collect/native.ts, so that a stale build is refused with a clear message.
constexpr uint32_t kContract = 1;

// A million rows would be a gigabyte of JavaScript objects; no host is near it. What lies beyond is reported as truncated, never left out.
constexpr ScanLimits kScanLimits = {400000, 128u << 20};

// The kernel allocates keys with kmalloc, at most 4 MiB; a larger number was read from an object that is no map.
constexpr uint32_t kMaxKeySize = 4u << 20;

Napi::Value fail(Napi::Env env, const Failure& failure) {
  toError(env, failure).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value wrongArgument(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

bool readWhole(const Napi::Value& value, double highest, double* out) {
  if (!value.IsNumber()) return false;
  *out = value.As<Napi::Number>().DoubleValue();
  return *out >= 0 && *out <= highest && *out == static_cast<double>(static_cast<uint32_t>(*out));
}

bool readFd(const Napi::Value& value, int* fd) {
  double number = 0;
  if (!readWhole(value, INT32_MAX, &number)) return false;
  *fd = static_cast<int>(number);
  return true;
}

bool readId(const Napi::Value& value, uint32_t* id) {
  double number = 0;
  if (!readWhole(value, UINT32_MAX, &number)) return false;
  *id = static_cast<uint32_t>(number);
  return true;
}

bool readPath(const Napi::Value& value, std::string* path) {
  if (!value.IsString()) return false;
  size_t length = 0;
  if (napi_get_value_string_utf16(value.Env(), value, nullptr, 0, &length) != napi_ok) return false;
  std::vector<char16_t> text(length + 1);
  if (napi_get_value_string_utf16(value.Env(), value, text.data(), text.size(), &length) != napi_ok) return false;
  text.resize(length);
  return !text.empty() && textToPath(text, path);
}

Napi::Value openDirectoryCall(const Napi::CallbackInfo& info) {
  std::string path;
  if (!readPath(info[0], &path)) return wrongArgument(info.Env(), "openDirectory: a path is expected");
  int fd = -1;
  const Failure failure = openDirectory(kWorkingDirectory, path.c_str(), &fd);
  if (failure.failed()) return fail(info.Env(), failure);
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value closeCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!readFd(info[0], &fd)) return wrongArgument(info.Env(), "close: a file descriptor is expected");
  const Failure failure = closeFd(fd);
  return failure.failed() ? fail(info.Env(), failure) : info.Env().Undefined();
}

Napi::Value queryProgramsCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!readFd(info[0], &fd) || !info[1].IsBoolean()) {
    return wrongArgument(info.Env(), "queryPrograms: a file descriptor and a boolean are expected");
  }
  Query query;
  const Failure failure = queryPrograms(fd, info[1].As<Napi::Boolean>().Value(), &query);
  return failure.failed() ? fail(info.Env(), failure) : toObject(info.Env(), query);
}

template <Kind kind>
Napi::Value openByIdCall(const Napi::CallbackInfo& info) {
  uint32_t id = 0;
  if (!readId(info[0], &id)) return wrongArgument(info.Env(), "an id (0 to 2^32-1) is expected");
  int fd = -1;
  const Failure failure = openById(kind, id, &fd);
  if (failure.failed()) return fail(info.Env(), failure);
  return Napi::Number::New(info.Env(), fd);
}

template <Kind kind>
Napi::Value nextIdCall(const Napi::CallbackInfo& info) {
  uint32_t id = 0;
  if (!readId(info[0], &id)) return wrongArgument(info.Env(), "an id (0 to 2^32-1) is expected");
  uint32_t next = 0;
  const Failure failure = nextId(kind, id, &next);
  if (failure.number == ENOENT) return info.Env().Null();
  if (failure.failed()) return fail(info.Env(), failure);
  return Napi::Number::New(info.Env(), next);
}

Napi::Value programInfoCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!readFd(info[0], &fd)) return wrongArgument(info.Env(), "programInfo: a file descriptor is expected");
  Bytes scratch;
  ProgramInfo program;
  const Failure failure = readProgramInfo(fd, &scratch, &program);
  return failure.failed() ? fail(info.Env(), failure) : toObject(info.Env(), program);
}

Napi::Value mapInfoCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!readFd(info[0], &fd)) return wrongArgument(info.Env(), "mapInfo: a file descriptor is expected");
  MapInfo map;
  const Failure failure = readMapInfo(fd, &map);
  return failure.failed() ? fail(info.Env(), failure) : toObject(info.Env(), map, mapFrozen(fd));
}

Napi::Value linkInfoCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!readFd(info[0], &fd)) return wrongArgument(info.Env(), "linkInfo: a file descriptor is expected");
  LinkInfo link;
  const Failure failure = readLinkInfo(fd, &link);
  return failure.failed() ? fail(info.Env(), failure) : toObject(info.Env(), link);
}

// Reads the arguments (map fd, key) and the map's own sizes: the kernel writes as many bytes as the map says, whatever the caller believes.
bool readMapArguments(const Napi::CallbackInfo& info, bool keyMayBeNull, int* fd, MapInfo* map, const unsigned char** key) {
  const bool noKey = keyMayBeNull && info[1].IsNull();
  const bool bytes = info[1].IsTypedArray() && info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!readFd(info[0], fd) || (!noKey && !bytes)) {
    wrongArgument(info.Env(), "a file descriptor and a key as Uint8Array are expected");
    return false;
  }
  Failure failure = readMapInfo(*fd, map);
  if (!failure.failed() && map->keySize > kMaxKeySize) failure = Failure{E2BIG, "bpf(BPF_OBJ_GET_INFO_BY_FD)"};
  if (failure.failed()) {
    fail(info.Env(), failure);
    return false;
  }
  if (noKey) return true;
  const Napi::Uint8Array array = info[1].As<Napi::Uint8Array>();
  if (array.ByteLength() != map->keySize) {
    wrongArgument(info.Env(), "the key's length is not the map's key size");
    return false;
  }
  *key = array.Data();
  return true;
}

Napi::Value mapLookupCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  MapInfo map;
  const unsigned char* key = nullptr;
  if (!readMapArguments(info, false, &fd, &map, &key)) return info.Env().Undefined();
  size_t size = 0;
  Failure failure = lookupSize(map, &size);
  if (failure.failed()) return fail(info.Env(), failure);
  Bytes value(size);
  failure = lookupElement(fd, key, value.data());
  if (failure.number == ENOENT) return info.Env().Null();
  return failure.failed() ? fail(info.Env(), failure) : toBytes(info.Env(), value.data(), value.size());
}

Napi::Value mapNextKeyCall(const Napi::CallbackInfo& info) {
  int fd = -1;
  MapInfo map;
  const unsigned char* key = nullptr;
  if (!readMapArguments(info, true, &fd, &map, &key)) return info.Env().Undefined();
  Bytes next(map.keySize);
  const Failure failure = nextKey(fd, key, next.data());
  if (failure.number == ENOENT) return info.Env().Null();
  return failure.failed() ? fail(info.Env(), failure) : toBytes(info.Env(), next.data(), next.size());
}

class ScanWorker : public Napi::AsyncWorker {
 public:
  ScanWorker(Napi::Env env, napi_deferred deferred, std::string rootPath)
      : Napi::AsyncWorker(env, "devpolicy.scan"), deferred_(deferred), rootPath_(std::move(rootPath)) {}
  void Execute() override { failure_ = scanTree(rootPath_, kScanLimits, &scan_); }
  void OnOK() override {
    // Refused when the environment has been terminated meanwhile: then nobody waits for it.
    if (failure_.failed()) {
      napi_reject_deferred(Env(), deferred_, toError(Env(), failure_).Value());
    } else {
      napi_resolve_deferred(Env(), deferred_, toObject(Env(), scan_));
    }
  }

 private:
  const napi_deferred deferred_;
  const std::string rootPath_;
  Scan scan_;
  Failure failure_;
};

Napi::Value scanCall(const Napi::CallbackInfo& info) {
  std::string path;
  if (!readPath(info[0], &path)) return wrongArgument(info.Env(), "scan: a path is expected");
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  // Not Napi::Promise::Deferred: a worker thread that is being terminated gets no promise, and without C++ exceptions that class would go
  // on with an uninitialised one.
  if (napi_create_promise(info.Env(), &deferred, &promise) != napi_ok) return Napi::Value();
  ScanWorker* worker = new ScanWorker(info.Env(), deferred, std::move(path));
  worker->Queue();  // it deletes itself when it is done
  return Napi::Value(info.Env(), promise);
}

Napi::Value bootTimeCall(const Napi::CallbackInfo& info) {
  int64_t nanoseconds = 0;
  const Failure failure = bootTime(&nanoseconds);
  if (failure.failed()) return fail(info.Env(), failure);
  return Napi::Number::New(info.Env(), static_cast<double>(nanoseconds));
}

Napi::Value clockSynchronisedCall(const Napi::CallbackInfo& info) {
  bool synchronised = false;
  const Failure failure = clockSynchronised(&synchronised);
  if (failure.failed()) return fail(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), synchronised);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("contract", Napi::Number::New(env, kContract));
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("openDirectory", openDirectoryCall);
  add("close", closeCall);
  add("queryPrograms", queryProgramsCall);
  add("getProgramFd", openByIdCall<Kind::kProgram>);
  add("getMapFd", openByIdCall<Kind::kMap>);
  add("getLinkFd", openByIdCall<Kind::kLink>);
  add("nextProgramId", nextIdCall<Kind::kProgram>);
  add("nextLinkId", nextIdCall<Kind::kLink>);
  add("programInfo", programInfoCall);
  add("mapInfo", mapInfoCall);
  add("linkInfo", linkInfoCall);
  add("mapLookup", mapLookupCall);
  add("mapNextKey", mapNextKeyCall);
  add("scan", scanCall);
  add("bootTimeNs", bootTimeCall);
  add("clockSynchronised", clockSynchronisedCall);
  return exports;
}

}  // namespace

NODE_API_MODULE(devpolicy, initialise)
