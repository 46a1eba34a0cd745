"""What engines and players say to each other: the protocol for whoever plays matches somewhere else.

A *player* plays matches: it loads metrics, synthesises and yields one outcome for each match as it ends.  An *engine*
decides where players live (this process, one process for each GPU, a cluster), hands them batches and passes on what
happens as events.  Engines know nothing of metrics, pictures or stores: what a match is and what came of it are opaque
to them.  Retries belong here too, so that all engines treat a lost worker alike: see `Backlog`.
"""

from madcore.engine.backlog import Backlog as Backlog
from madcore.engine.messages import Batch as Batch
from madcore.engine.messages import Event as Event
from madcore.engine.messages import Failed as Failed
from madcore.engine.messages import Finished as Finished
from madcore.engine.messages import Item as Item
from madcore.engine.messages import Lost as Lost
from madcore.engine.messages import Outcome as Outcome
from madcore.engine.messages import Reason as Reason
from madcore.engine.messages import Started as Started
from madcore.engine.messages import WorkerEvent as WorkerEvent
from madcore.engine.protocols import Callback as Callback
from madcore.engine.protocols import Engine as Engine
from madcore.engine.protocols import MakePlayer as MakePlayer
from madcore.engine.protocols import Player as Player
from madcore.engine.workers import cores as cores
from madcore.engine.workers import describe as describe
from madcore.engine.workers import limit_threads as limit_threads
from madcore.engine.workers import outcomes as outcomes
from madcore.engine.workers import spread as spread

__all__ = [
    "Backlog",
    "Batch",
    "Callback",
    "Engine",
    "Event",
    "Failed",
    "Finished",
    "Item",
    "Lost",
    "MakePlayer",
    "Outcome",
    "Player",
    "Reason",
    "Started",
    "WorkerEvent",
    "cores",
    "describe",
    "limit_threads",
    "outcomes",
    "spread",
]
