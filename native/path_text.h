// Paths between the kernel's bytes and JavaScript strings, without loss.
#ifndef DEVPOLICY_PATH_TEXT_H
#define DEVPOLICY_PATH_TEXT_H

#include <string>
#include <vector>

namespace devpolicy {

/**
 * A cgroup's name may hold any byte but '/', NUL and newline. Valid UTF-8 becomes the text it stands for, so that paths compare equal with
 * what /proc/<pid>/cgroup gives; every other byte b becomes the lone surrogate U+DC00 + b, as in PEP 383 ("surrogateescape"). textToPath
 * gives back exactly the bytes that pathToText was given.
 */
std::vector<char16_t> pathToText(const std::string& bytes);

/** False when the text holds NUL or a surrogate that stands for no byte: no path is written so. */
bool textToPath(const std::vector<char16_t>& text, std::string* bytes);

}  // namespace devpolicy

#endif
