// C++ values to JavaScript values: the shapes of src/collect/native.ts.
#ifndef DEVPOLICY_MARSHAL_H
#define DEVPOLICY_MARSHAL_H

#include <napi.h>

#include "bpf_syscall.h"
#include "scan.h"

namespace devpolicy {

/** Error with `errno`, `code` and `syscall`. */
Napi::Error toError(Napi::Env env, const Failure& failure);

Napi::Value toBytes(Napi::Env env, const unsigned char* bytes, size_t length);
Napi::Value toObject(Napi::Env env, const Query& query);
Napi::Value toObject(Napi::Env env, const ProgramInfo& program);
Napi::Value toObject(Napi::Env env, const MapInfo& map, int frozen);
Napi::Value toObject(Napi::Env env, const LinkInfo& link);
Napi::Value toObject(Napi::Env env, const Scan& scan);

}  // namespace devpolicy

#endif
