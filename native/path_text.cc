#include "path_text.h"

#include <stdint.h>

namespace devpolicy {

namespace {

constexpr uint32_t kEscape = 0xDC00;

bool continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), 0 if there is none.
size_t decode(const std::string& bytes, size_t at, uint32_t* codePoint) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const uint32_t lead = byte(at);
  if (lead < 0x80) {
    *codePoint = lead;
    return 1;
  }
  const size_t length = lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
  if (length == 0 || at + length > bytes.size()) return 0;
  uint32_t value = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!continuation(byte(at + i))) return 0;
    value = value << 6 | (byte(at + i) & 0x3Fu);
  }
  if (length == 3 && (value < 0x800 || (value >= 0xD800 && value < 0xE000))) return 0;
  if (length == 4 && (value < 0x10000 || value > 0x10FFFF)) return 0;
  *codePoint = value;
  return length;
}

void encode(uint32_t codePoint, std::string* bytes) {
  const auto push = [&](uint32_t value) { bytes->push_back(static_cast<char>(value)); };
  if (codePoint < 0x80) {
    push(codePoint);
  } else if (codePoint < 0x800) {
    push(0xC0 | codePoint >> 6);
    push(0x80 | (codePoint & 0x3F));
  } else if (codePoint < 0x10000) {
    push(0xE0 | codePoint >> 12);
    push(0x80 | (codePoint >> 6 & 0x3F));
    push(0x80 | (codePoint & 0x3F));
  } else {
    push(0xF0 | codePoint >> 18);
    push(0x80 | (codePoint >> 12 & 0x3F));
    push(0x80 | (codePoint >> 6 & 0x3F));
    push(0x80 | (codePoint & 0x3F));
  }
}

}  // namespace

std::vector<char16_t> pathToText(const std::string& bytes) {
  std::vector<char16_t> text;
  text.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    uint32_t codePoint = 0;
    const size_t length = decode(bytes, at, &codePoint);
    if (length == 0) {
      text.push_back(static_cast<char16_t>(kEscape + static_cast<unsigned char>(bytes[at])));
      at += 1;
      continue;
    }
    at += length;
    if (codePoint < 0x10000) {
      text.push_back(static_cast<char16_t>(codePoint));
    } else {
      text.push_back(static_cast<char16_t>(0xD800 + ((codePoint - 0x10000) >> 10)));
      text.push_back(static_cast<char16_t>(0xDC00 + ((codePoint - 0x10000) & 0x3FF)));
    }
  }
  return text;
}

bool textToPath(const std::vector<char16_t>& text, std::string* bytes) {
  for (size_t i = 0; i < text.size(); ++i) {
    const uint32_t unit = text[i];
    if (unit == 0) return false;
    if (unit < 0xD800 || unit >= 0xE000) {
      encode(unit, bytes);
    } else if (unit < 0xDC00) {
      const uint32_t low = i + 1 < text.size() ? text[i + 1] : 0u;
      if (low < 0xDC00 || low >= 0xE000) return false;
      encode(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), bytes);
      ++i;
    } else if (unit >= kEscape + 0x80 && unit <= kEscape + 0xFF) {
      bytes->push_back(static_cast<char>(unit - kEscape));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace devpolicy
