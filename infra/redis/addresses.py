"""How Redis is addressed."""

import re
from typing import Final

SCHEME: Final = "redis+cluster://"
# redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...]
CLUSTER_URL: Final = re.compile(
    re.escape(SCHEME) + r"(?P<login>[^@/]*@)?(?P<servers>[^@/]+:\d+)/?0?"
)
