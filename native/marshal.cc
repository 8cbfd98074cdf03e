#include "marshal.h"

#include <string.h>

#include "path_text.h"

namespace devpolicy {

namespace {

Napi::Value toList(Napi::Env env, const std::vector<uint32_t>& numbers) {
  Napi::Array list = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) list.Set(static_cast<uint32_t>(i), Napi::Number::New(env, numbers[i]));
  return list;
}

// Nanoseconds and inode numbers are u64; a double holds them exactly up to 2^53 and rounds to the nearest even beyond (2 ns after 104 days).
Napi::Value toNumber(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Value toPath(Napi::Env env, const std::string& path) {
  const std::vector<char16_t> text = pathToText(path);
  napi_value value = nullptr;
  napi_create_string_utf16(env, text.data(), text.size(), &value);
  return Napi::Value(env, value);
}

void setFailure(Napi::Env env, Napi::Object object, const Failure& failure) {
  object.Set("errno", Napi::Number::New(env, failure.number));
  object.Set("code", Napi::String::New(env, errnoName(failure.number)));
  object.Set("syscall", Napi::String::New(env, failure.call));
}

Napi::Value failureObject(Napi::Env env, const Failure& failure) {
  Napi::Object object = Napi::Object::New(env);
  setFailure(env, object, failure);
  return object;
}

Napi::Value queryOrFailure(Napi::Env env, const QueryResult& result) {
  return result.failure.failed() ? failureObject(env, result.failure) : toObject(env, result.query);
}

Napi::Value cgroupObject(Napi::Env env, const CgroupRow& row) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("path", toPath(env, row.path));
  object.Set("inode", toNumber(env, row.inode));
  object.Set("attached", queryOrFailure(env, row.attached));
  object.Set("effective", queryOrFailure(env, row.effective));
  object.Set("children", row.children.failed() ? failureObject(env, row.children) : env.Null());
  return object;
}

Napi::Value programObject(Napi::Env env, const ProgramRow& row) {
  if (!row.failure.failed()) return toObject(env, row.info);
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Napi::Number::New(env, row.id));
  setFailure(env, object, row.failure);
  return object;
}

}  // namespace

Napi::Error toError(Napi::Env env, const Failure& failure) {
  std::string message(failure.call);
  message += " failed: ";
  message += errnoName(failure.number);
  Napi::Error error = Napi::Error::New(env, message.c_str());
  setFailure(env, error.Value(), failure);
  return error;
}

Napi::Value toBytes(Napi::Env env, const unsigned char* bytes, size_t length) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, length);
  if (buffer.IsEmpty()) return env.Null();
  if (length > 0) memcpy(buffer.Data(), bytes, length);
  return Napi::Uint8Array::New(env, length, buffer, 0);
}

Napi::Value toObject(Napi::Env env, const Query& query) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("programIds", toList(env, query.programIds));
  object.Set("attachFlags", Napi::Number::New(env, query.attachFlags));
  object.Set("programAttachFlags", query.hasProgramFlags ? toList(env, query.programFlags) : env.Null());
  object.Set("revision", toNumber(env, query.revision));
  return object;
}

Napi::Value toObject(Napi::Env env, const ProgramInfo& program) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("type", Napi::Number::New(env, program.type));
  object.Set("id", Napi::Number::New(env, program.id));
  object.Set("tag", toBytes(env, program.tag, sizeof(program.tag)));
  object.Set("name", toPath(env, program.name));
  object.Set("loadTimeNs", toNumber(env, program.loadTime));
  object.Set("createdByUid", Napi::Number::New(env, program.createdByUid));
  object.Set("gplCompatible", Napi::Boolean::New(env, program.gplCompatible));
  object.Set("btfId", Napi::Number::New(env, program.btfId));
  object.Set("mapIds", toList(env, program.mapIds));
  object.Set("functionCount", Napi::Number::New(env, program.functionCount));
  object.Set("jitedLength", Napi::Number::New(env, program.jitedLength));
  object.Set("xlatedLength", Napi::Number::New(env, program.xlatedLength));
  object.Set("xlated", program.readable ? toBytes(env, program.xlated.data(), program.xlated.size()) : env.Null());
  object.Set("verifiedInstructions", Napi::Number::New(env, program.verifiedInstructions));
  object.Set("attachBtfId", Napi::Number::New(env, program.attachBtfId));
  return object;
}

Napi::Value toObject(Napi::Env env, const MapInfo& map, int frozen) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("type", Napi::Number::New(env, map.type));
  object.Set("id", Napi::Number::New(env, map.id));
  object.Set("name", toPath(env, map.name));
  object.Set("keySize", Napi::Number::New(env, map.keySize));
  object.Set("valueSize", Napi::Number::New(env, map.valueSize));
  object.Set("maxEntries", Napi::Number::New(env, map.maxEntries));
  object.Set("mapFlags", Napi::Number::New(env, map.mapFlags));
  object.Set("frozen", frozen < 0 ? env.Null() : Napi::Value(Napi::Boolean::New(env, frozen == 1)));
  return object;
}

Napi::Value toObject(Napi::Env env, const LinkInfo& link) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("type", Napi::Number::New(env, link.type));
  object.Set("id", Napi::Number::New(env, link.id));
  object.Set("programId", Napi::Number::New(env, link.programId));
  object.Set("cgroupId", toNumber(env, link.cgroupId));
  object.Set("attachType", Napi::Number::New(env, link.attachType));
  object.Set("targetObjectId", Napi::Number::New(env, link.targetObjectId));
  return object;
}

Napi::Value toObject(Napi::Env env, const Scan& scan) {
  Napi::Array cgroups = Napi::Array::New(env, scan.cgroups.size());
  for (size_t i = 0; i < scan.cgroups.size(); ++i) {
    const Napi::HandleScope scope(env);
    cgroups.Set(static_cast<uint32_t>(i), cgroupObject(env, scan.cgroups[i]));
  }
  Napi::Array programs = Napi::Array::New(env, scan.programs.size());
  for (size_t i = 0; i < scan.programs.size(); ++i) {
    const Napi::HandleScope scope(env);
    programs.Set(static_cast<uint32_t>(i), programObject(env, scan.programs[i]));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("cgroups", cgroups);
  object.Set("programs", programs);
  object.Set("truncated", Napi::Boolean::New(env, scan.truncated));
  return object;
}

}  // namespace devpolicy
