"""One command for all programs: `apn train --flagfile=mpii.flags` is `python -m keras_apn.train` with that flag."""

import runpy
import sys

from data_pipeline.common import missing

# By name the module and what it does.
PROGRAMS = {
    "build": ("data_pipeline.build_tfrecords", "records from annotated photographs, or from none"),
    "preview": ("data_pipeline.preview", "records drawn with their joints"),
    "service": ("data_pipeline.service", "reads and decodes records for trainings on other machines"),
    "train": ("keras_apn.train", "G, P and C, on records"),
    "evaluate": ("keras_apn.evaluate", "scores of a run, an export, or predictions made elsewhere"),
    "predict": ("keras_apn.predict", "the joints of people in pictures and videos"),
    "report": ("keras_apn.report", "several runs on one page"),
    "study": ("keras_apn.study", "a table of trainings with several seeds, compared"),
    "export": ("export", "a run for TF Serving, phones and ONNX Runtime"),
    "verify": ("export.verify", "whether exports agree with their run"),
    "benchmark": ("export.benchmark", "the time that exports take"),
    "client": ("export.client", "asks a server"),
}


def usage() -> str:
    """What is there."""
    lines = [f"  {name:10s} {about}" for name, (_, about) in PROGRAMS.items()]
    return "\n".join(["apn PROGRAM --flag=value ...; apn PROGRAM --help lists its flags", "", *lines])


def main() -> None:
    """Runs the program that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help", "help"):
        print(usage())
        return
    if name not in PROGRAMS:
        print(f"error: '{name}' is no program; apn --help lists them", file=sys.stderr)
        sys.exit(2)
    missing.install()
    module, _ = PROGRAMS[name]
    sys.argv = [f"apn {name}", *sys.argv[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
