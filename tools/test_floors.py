#!/usr/bin/env python3
"""Plant wrong includes and dependencies in a small tree: each must be refused.

Prints TAP.  The tree holds the real base and stubs of four folders of three floors;
check_floors.py and, where the compiler can see it, Meson and ninja must refuse.
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = """{f}_inc = include_directories('.')
{f}_lib = static_library('mal_{f}', files('{f}.c'), include_directories: {f}_inc,
  dependencies: [{deps}])
{f} = declare_dependency(link_with: {f}_lib, include_directories: {f}_inc,
  dependencies: [{deps}])
"""
STUBS = {"prim": ["base"], "json": ["base"], "dp": ["base", "prim"], "net": ["base", "dp"]}


def write(tree, path, text):
    path = os.path.join(tree, "src", path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def build_file(folder, deps):
    return BUILD.format(f=folder, deps=", ".join(deps))


def make_tree(tree):
    for name in ("meson.build", "meson_options.txt"):
        shutil.copy(os.path.join(ROOT, name), tree)
    for name in ("src/base", "tests/harness", "tools"):
        shutil.copytree(os.path.join(ROOT, name), os.path.join(tree, name))
    shutil.copy(os.path.join(ROOT, "src/meson.build"), os.path.join(tree, "src"))
    write(tree, "base/meson.build", """base_inc = include_directories('.')
base_lib = static_library('mal_base', files('error.c'), include_directories: base_inc)
base = declare_dependency(link_with: base_lib, include_directories: base_inc)
""")
    for folder, deps in STUBS.items():
        write(tree, f"{folder}/malus/{folder}.h", "#include <malus/base.h>\n")
        write(tree, f"{folder}/{folder}_impl.h", f"#include <malus/{folder}.h>\n")
        write(tree, f"{folder}/{folder}.c", "".join(
            f"#include <malus/{d}.h>\n" for d in deps) + f'#include "{folder}_impl.h"\n')
        write(tree, f"{folder}/meson.build", build_file(folder, deps))


def run(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


def builds(tree):
    folder = os.path.join(tree, "build")
    shutil.rmtree(folder, ignore_errors=True)
    good, said = run("meson", "setup", folder, tree)
    return run("ninja", "-C", folder, *(f"src/{f}/libmal_{f}.a"
                                        for f in ["base", *STUBS])) if good else (good, said)


def tell(number, good, sentence, said=""):
    print(f"{'ok' if good else 'not ok'} {number} - {sentence}")
    if not good:
        print("".join(f"# {line}\n" for line in said.splitlines()[-15:]))
    return good


# (sentence, file to write, its text, what the check must say, does the build refuse?)
PLANTS = [
    ("an upward include is refused", "base/error.c",
     "#include <malus/prim.h>\n", "upward: base", True),
    ("a sideways include is refused", "prim/prim.c",
     "#include <malus/json.h>\n", "sideways: prim", True),
    ("an upward dependency is refused", "prim/meson.build",
     build_file("prim", ["base", "dp"]), "upward: prim", True),
    ("a sideways dependency is refused", "json/meson.build",
     build_file("json", ["base", "prim"]), "sideways: json", False),  # Meson would accept it
    ("an include of another folder's file by its path is refused", "dp/dp.c",
     '#include "../json/json_impl.h"\n', "not a file of src/dp", False),
    ("an include of a lower folder's private header is refused", "dp/dp.c",
     '#include "prim_impl.h"\n', "not a file of src/dp", False),
    ("a foreign header outside its one folder is refused", "net/net.c",
     "#include <sqlite3.h>\n", "foreign: <sqlite3.h> belongs to db", False),
    ("a foreign header that nobody wraps is refused", "net/net.c",
     "#include <curl/curl.h>\n", "foreign: no folder", False),
    ("a folder without a floor is refused", "util/malus/util.h",
     "\n", "not in the table of floors", False),
]


def main():
    good = True
    print(f"1..{1 + len(PLANTS) + sum(p[4] for p in PLANTS)}")
    with tempfile.TemporaryDirectory() as top:
        tree = os.path.join(top, "tree")
        os.mkdir(tree)
        make_tree(tree)
        checker = os.path.join(tree, "tools/check_floors.py")
        fine, said = run(sys.executable, checker, tree)
        built, log = builds(tree)
        good &= tell(1, fine and built, "the tree without a plant is accepted", said + log)
        number = 1
        for sentence, path, text, wanted, refused in PLANTS:
            place = os.path.join(tree, "src", path)
            before = open(place).read() if os.path.exists(place) else None
            write(tree, path, text)
            fine, said = run(sys.executable, checker, tree)
            number += 1
            good &= tell(number, not fine and wanted in said, sentence, said)
            if refused:
                built, log = builds(tree)
                number += 1
                good &= tell(number, not built, sentence + " by the build", log)
            if before is None:
                shutil.rmtree(os.path.join(tree, "src", path.split("/")[0]))
            else:
                write(tree, path, before)
    sys.exit(not good)


main()
