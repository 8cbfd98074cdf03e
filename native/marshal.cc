#include "marshal.h"

#include <string.h>

#include <initializer_list>

#include "path_text.h"

namespace devpolicy {

namespace {

/** Objects of one kind: the property names are made once, not once per object, which is most of the cost of a thousand rows. */
class Shape {
 public:
  Shape(Napi::Env env, std::initializer_list<const char*> names) : env_(env) {
    keys_.reserve(names.size());
    for (const char* name : names) keys_.push_back(Napi::String::New(env, name));
  }
  /** Values in the order of the names. */
  Napi::Value make(std::initializer_list<napi_value> values) const {
    napi_value object = nullptr;
    napi_create_object(env_, &object);
    const napi_value* key = keys_.data();
    for (napi_value value : values) napi_set_property(env_, object, *key++, value);
    return Napi::Value(env_, object);
  }

 private:
  const Napi::Env env_;
  std::vector<napi_value> keys_;
};

struct Shapes {
  explicit Shapes(Napi::Env env)
      : query(env, {"programIds", "attachFlags", "programAttachFlags", "revision"}),
        program(env, {"type", "id", "tag", "name", "loadTimeNs", "createdByUid", "gplCompatible", "btfId", "mapIds", "functionCount",
                      "jitedLength", "xlatedLength", "xlated", "verifiedInstructions", "attachBtfId"}),
        cgroup(env, {"path", "inode", "attached", "effective", "children"}),
        failure(env, {"errno", "code", "syscall"}),
        failedProgram(env, {"id", "errno", "code", "syscall"}) {}
  const Shape query;
  const Shape program;
  const Shape cgroup;
  const Shape failure;
  const Shape failedProgram;
};

napi_value number(Napi::Env env, uint32_t value) { return Napi::Number::New(env, value); }

// Nanoseconds and inode numbers are u64; a double holds them exactly up to 2^53 and rounds to the nearest even beyond (2 ns after 104 days).
napi_value number64(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

napi_value boolean(Napi::Env env, bool value) { return Napi::Boolean::New(env, value); }

napi_value list(Napi::Env env, const std::vector<uint32_t>& numbers) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, numbers.size(), &array);
  for (size_t i = 0; i < numbers.size(); ++i) napi_set_element(env, array, static_cast<uint32_t>(i), number(env, numbers[i]));
  return array;
}

napi_value pathText(Napi::Env env, const std::string& path) {
  const std::vector<char16_t> text = pathToText(path);
  napi_value value = nullptr;
  napi_create_string_utf16(env, text.data(), text.size(), &value);
  return value;
}

napi_value errnoText(Napi::Env env, const Failure& failure) { return Napi::String::New(env, errnoName(failure.number)); }
napi_value callText(Napi::Env env, const Failure& failure) { return Napi::String::New(env, failure.call); }

Napi::Value queryObject(Napi::Env env, const Shapes& shapes, const Query& query) {
  return shapes.query.make({list(env, query.programIds), number(env, query.attachFlags),
                            query.hasProgramFlags ? list(env, query.programFlags) : napi_value(env.Null()),
                            number64(env, query.revision)});
}

Napi::Value failureObject(Napi::Env env, const Shapes& shapes, const Failure& failure) {
  return shapes.failure.make({number(env, static_cast<uint32_t>(failure.number)), errnoText(env, failure), callText(env, failure)});
}

Napi::Value queryOrFailure(Napi::Env env, const Shapes& shapes, const QueryResult& result) {
  return result.failure.failed() ? failureObject(env, shapes, result.failure) : queryObject(env, shapes, result.query);
}

Napi::Value cgroupObject(Napi::Env env, const Shapes& shapes, const CgroupRow& row) {
  return shapes.cgroup.make({pathText(env, row.path), number64(env, row.inode), queryOrFailure(env, shapes, row.attached),
                             queryOrFailure(env, shapes, row.effective),
                             row.children.failed() ? failureObject(env, shapes, row.children) : env.Null()});
}

Napi::Value programObject(Napi::Env env, const Shapes& shapes, const ProgramInfo& program) {
  return shapes.program.make({
      number(env, program.type),
      number(env, program.id),
      toBytes(env, program.tag, sizeof(program.tag)),
      pathText(env, program.name),
      number64(env, program.loadTime),
      number(env, program.createdByUid),
      boolean(env, program.gplCompatible),
      number(env, program.btfId),
      list(env, program.mapIds),
      number(env, program.functionCount),
      number(env, program.jitedLength),
      number(env, program.xlatedLength),
      program.readable ? toBytes(env, program.xlated.data(), program.xlated.size()) : env.Null(),
      number(env, program.verifiedInstructions),
      number(env, program.attachBtfId),
  });
}

Napi::Value programOrFailure(Napi::Env env, const Shapes& shapes, const ProgramRow& row) {
  if (!row.failure.failed()) return programObject(env, shapes, row.info);
  return shapes.failedProgram.make({number(env, row.id), number(env, static_cast<uint32_t>(row.failure.number)),
                                    errnoText(env, row.failure), callText(env, row.failure)});
}

}  // namespace

Napi::Error toError(Napi::Env env, const Failure& failure) {
  std::string message(failure.call);
  message += " failed: ";
  message += errnoName(failure.number);
  Napi::Error error = Napi::Error::New(env, message.c_str());
  Napi::Object object = error.Value();
  object.Set("errno", number(env, static_cast<uint32_t>(failure.number)));
  object.Set("code", errnoText(env, failure));
  object.Set("syscall", callText(env, failure));
  return error;
}

Napi::Value toBytes(Napi::Env env, const unsigned char* bytes, size_t length) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, length);
  if (buffer.IsEmpty()) return env.Null();
  if (length > 0) memcpy(buffer.Data(), bytes, length);
  return Napi::Uint8Array::New(env, length, buffer, 0);
}

Napi::Value toObject(Napi::Env env, const Query& query) { return queryObject(env, Shapes(env), query); }

Napi::Value toObject(Napi::Env env, const ProgramInfo& program) { return programObject(env, Shapes(env), program); }

Napi::Value toObject(Napi::Env env, const MapInfo& map, int frozen) {
  const Shape shape(env, {"type", "id", "name", "keySize", "valueSize", "maxEntries", "mapFlags", "frozen"});
  return shape.make({number(env, map.type), number(env, map.id), pathText(env, map.name), number(env, map.keySize),
                     number(env, map.valueSize), number(env, map.maxEntries), number(env, map.mapFlags),
                     frozen < 0 ? napi_value(env.Null()) : boolean(env, frozen == 1)});
}

Napi::Value toObject(Napi::Env env, const LinkInfo& link) {
  const Shape shape(env, {"type", "id", "programId", "cgroupId", "attachType", "targetObjectId"});
  return shape.make({number(env, link.type), number(env, link.id), number(env, link.programId), number64(env, link.cgroupId),
                     number(env, link.attachType), number(env, link.targetObjectId)});
}

Napi::Value toObject(Napi::Env env, const Scan& scan) {
  const Shapes shapes(env);
  Napi::Array cgroups = Napi::Array::New(env, scan.cgroups.size());
  for (size_t i = 0; i < scan.cgroups.size(); ++i) {
    const Napi::HandleScope scope(env);
    cgroups.Set(static_cast<uint32_t>(i), cgroupObject(env, shapes, scan.cgroups[i]));
  }
  Napi::Array programs = Napi::Array::New(env, scan.programs.size());
  for (size_t i = 0; i < scan.programs.size(); ++i) {
    const Napi::HandleScope scope(env);
    programs.Set(static_cast<uint32_t>(i), programOrFailure(env, shapes, scan.programs[i]));
  }
  return Shape(env, {"cgroups", "programs", "truncated"}).make({cgroups, programs, boolean(env, scan.truncated)});
}

}  // namespace devpolicy
