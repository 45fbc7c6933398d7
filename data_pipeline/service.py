"""A tf.data service: machines that read and decode records for a trainer that has too few processors.

    python -m data_pipeline.service --port=5050                      # on one machine: takes orders, and works
    python -m data_pipeline.service --dispatcher=first-machine:5050  # on any other: works
    python -m keras_apn.train --data_service=grpc://first-machine:5050 ...

All of them must see the records under the same paths, and run the same version of TensorFlow.
"""

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import socket

import tensorflow as tf
from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError

PROTOCOL = "grpc"


def start(port: int, dispatcher: str | None, host: str) -> tuple[list, str]:
    """Starts a worker and, where no dispatcher is given, the dispatcher that it works for.

    Args:
        port: the dispatcher's; 0 for any that is free.
        dispatcher: `host:port` of the one to work for; None to start one here.
        host: the name by which other machines reach this one.

    Returns:
        `(servers, address)`: what must be kept while the service runs, and the dispatcher's `host:port`.

    Raises:
        UserError: the port is taken.
    """
    service, servers = tf.data.experimental.service, []
    if dispatcher is None:
        try:
            # TensorFlow would share a port that is taken with whoever has it.
            socket.create_server(("", port)).close()
        except OSError as error:
            raise UserError(f"Port {port} cannot be used ({error.strerror}); give another --port") from error
        servers.append(service.DispatchServer(service.DispatcherConfig(port=port, protocol=PROTOCOL)))
        dispatcher = f"{host}:{servers[0].target.rsplit(':', 1)[1]}"
    # The worker's address is what trainers call; %port% is the one that it gets.
    config = service.WorkerConfig(dispatcher, worker_address=f"{host}:%port%", protocol=PROTOCOL)
    servers.append(service.WorkerServer(config))
    return servers, dispatcher


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_integer("port", 5050, "of the dispatcher; 0 for any that is free", lower_bound=0, upper_bound=65535)
    flags.DEFINE_string("dispatcher", None, "host:port of a dispatcher to work for, instead of starting one")
    flags.DEFINE_string("host", socket.gethostname(), "the name by which other machines reach this one")


def main(values: flags.FlagValues) -> None:
    """Serves until it is interrupted."""
    servers, address = start(values.port, values.dispatcher, values.host)
    print(f"Serving; train with --data_service={PROTOCOL}://{address}", flush=True)
    servers[-1].join()


if __name__ == "__main__":
    program.run(main, define_flags)
