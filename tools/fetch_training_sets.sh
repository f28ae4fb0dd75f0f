#!/bin/sh
# Put two public data sets into third_party/training: breast-cancer.csv (569 x 30,
# Wolberg and others, UCI) and diabetes.csv (442 x 10, Efron and others), out of the
# Python package scikit-learn of PyPI, pinned by hash (9 MB).  src/train's test of
# real data and `malus bench train` use them (MALUS_TRAIN_DATA=third_party/training);
# without them the test SKIPs.  Safe to run again.
set -eu
. "$(dirname "$0")/pypi.sh"

begin third_party/training diabetes.csv "a test of src/train"
pinned download --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$work" <<'PINS'
scikit-learn==1.9.1 --hash=sha256:52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df
PINS
mkdir "$work/sets"
python3 - "$work" <<'PYTHON'
import glob, gzip, sys, zipfile
work = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(work + "/*.whl")[0])
read = lambda name: wheel.read("sklearn/datasets/data/" + name)
cancer = read("breast_cancer.csv").decode().splitlines()
names = [f"x{i}" for i in range(30)] + ["benign"]
with open(work + "/sets/breast-cancer.csv", "w") as out:
    out.write("\n".join([",".join(names)] + cancer[1:]) + "\n")
rows = gzip.decompress(read("diabetes_data_raw.csv.gz")).decode().split("\n")
told = gzip.decompress(read("diabetes_target.csv.gz")).decode().split("\n")
with open(work + "/sets/diabetes.csv", "w") as out:
    out.write("age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,progression\n")
    for row, y in zip(rows, told):
        if row.strip():
            out.write(",".join(row.split() + [y.strip()]) + "\n")
PYTHON
place "$work/sets"
