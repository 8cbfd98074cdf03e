# Source build for node-gyp users and for machines without a prebuilt addon:
#   npm install --no-save node-addon-api && npx node-gyp rebuild
# Sources and flags come from native/sources.json, which native/CMakeLists.txt reads too; a test compares the compile commands of both.
{
  "targets": [
    {
      "target_name": "devpolicy",
      "sources": [
        "<!@(node -p \"require('./native/sources.json').sources.join(' ')\")",
        "<!@(node -p \"require('./native/sources.json').releaseSources.join(' ')\")"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["<!@(node -p \"require('./native/sources.json').defines.join(' ')\")"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["<!@(node -p \"require('./native/sources.json').cxxflags.join(' ')\")"],
      # The linker runs in a directory of gyp's choice, so the path in the list, relative to this file, is made absolute.
      "ldflags": ["<!@(node -p \"require('./native/sources.json').releaseLdflags.join(' ').replace('native/', process.cwd() + '/native/')\")"],
      "libraries": ["<!@(node -p \"require('./native/sources.json').releaseLibs.join(' ')\")"]
    }
  ]
}
