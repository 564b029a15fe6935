"""Puts the compiled library into the wheel, which then fits this kind of machine alone."""

import os
import subprocess
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibraryBuildHook(BuildHookInterface):
    """Takes the library that the environment variable FOCI_LIBRARY names, or builds it."""

    def initialize(self, version, build_data):
        top = Path(self.root).resolve().parent.parent
        if library := os.environ.get("FOCI_LIBRARY"):
            library = Path(library).resolve()
            if not library.is_file():
                raise FileNotFoundError(f"FOCI_LIBRARY: found no file '{library}', expected a libfoci.so")
        else:
            build = subprocess.run([top / "scripts" / "build-library"], stdout=subprocess.PIPE, text=True, check=True)
            library = Path(build.stdout.splitlines()[-1])
        build_data["force_include"][str(library)] = "foci/libfoci.so"
        # One wheel for all Pythons: the library is loaded by ctypes and knows nothing of Python.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data.update(pure_python=False, tag=f"py3-none-{platform}")
