from command import Place, locked
from layouts import *

def test_x(place: Place) -> None:
    one, two = place.wheels.add("sample"), place.wheels.add("native", tag="cp313-cp313-manylinux_2_17_x86_64")
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([one, two])})
    f=open('/tmp/play/out.txt','w')
    for argv in (["build"],["plan"],["plan","--files"],["plan","--json"],["build","--json"],["build", "--dry-run"]):
        ran = place(*argv, *place.target)
        print(ran.code, ran.out,ran.err, sep="\n", file=f)
