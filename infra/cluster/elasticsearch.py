"""Elasticsearch: a stock node on the module path, started by a class of ours."""

import signal
import zipfile
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from infra.cluster import configuration
from infra.cluster.artefacts import CONF, Artefacts
from infra.cluster.engine import Launch
from infra.cluster.jdks import LIGHT, jdk
from infra.cluster.ports import Ports
from infra.cluster.programs import Missing, run
from infra.cluster.sockets import ANSWER_S, HOST

COMPILE_S: Final = 120.0
HEAP: Final = ("-Xms512m", "-Xmx512m", "-Xss1m")
SOURCES: Final = CONF / "elasticsearch"
MADE_FROM: Final = (
    *(SOURCES / "pom.xml", SOURCES / "StarlingNode.java", SOURCES / "RootPlugin.java"),
    SOURCES / "plugin-descriptor.properties",
)
# The jars that belong to the transport module; on the server's module path they would clash.
TRANSPORT: Final = ("transport-netty4-*.jar", "netty-*.jar", "elasticsearch-ssl-config-*.jar")
SERVER: Final = "org.elasticsearch.server"
NATIVE: Final = (
    "org.elasticsearch.nativeaccess,org.elasticsearch.foreign,org.apache.lucene.core,ALL-UNNAMED"
)
ZSTD: Final = ("usr/lib/*/libzstd.so.1", "usr/lib64/libzstd.so.1", "lib/*/libzstd.so.1")
PROPERTIES: Final = {
    "java.awt.headless": "true",
    "java.locale.providers": "CLDR",
    "io.netty.noUnsafe": "true",
    "io.netty.noKeySetOptimization": "true",
    "io.netty.recycler.maxCapacityPerThread": 0,
    "log4j.shutdownHookEnabled": "false",
    "log4j2.disable.jmx": "true",
    "log4j2.formatMsgNoLookups": "true",
    # Its own vector library is not published.
    "org.elasticsearch.nativeaccess.enableVectorLibrary": "false",
    "es.distribution.type": "tar",
}


class Elasticsearch:
    """The search index."""

    name = "elasticsearch"
    stop_signal = signal.SIGTERM

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.elasticsearch, ports.elasticsearch_transport)
        self.url = f"http://{HOST}:{ports.elasticsearch}"

    def install(self, artefacts: Artefacts) -> None:
        """Fetch its jars and compile what is ours."""
        self._distribution(artefacts)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Write its configuration."""
        distribution = self._distribution(artefacts)
        conf, temporary = home / "config", home / "tmp"
        temporary.mkdir(exist_ok=True)
        port, transport_port = self.ports
        configuration.write(
            "elasticsearch/elasticsearch.yml",
            conf,
            port=port,
            transport_port=transport_port,
            home=home,
        )
        configuration.copy("elasticsearch/log4j2.properties", conf)
        properties = PROPERTIES | {
            "java.io.tmpdir": temporary,
            "java.library.path": distribution / "native",
            "es.nativelibs.path": distribution / "native",
            "es.path.home": distribution,
            "es.path.conf": conf,
        }
        modules = (
            f"--enable-native-access={NATIVE}",
            *("--add-modules=jdk.incubator.vector", "--add-modules=jdk.net"),
            *("--module-path", str(distribution / "lib"), f"--add-modules={SERVER}"),
        )
        told = (f"-D{name}={value}" for name, value in properties.items())
        java = (jdk(21).program("java"), *HEAP, *LIGHT, "-XX:-OmitStackTraceInFastThrow")
        return Launch((*java, *told, *modules, "-cp", str(distribution / "node"), "StarlingNode"))

    def is_ready(self) -> bool:
        """Whether all primary shards are assigned."""
        connection = HTTPConnection(HOST, self.ports[0], timeout=ANSWER_S)
        try:
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return connection.getresponse().status == 200
        except HTTPException:
            return False
        finally:
            connection.close()

    def _distribution(self, artefacts: Artefacts) -> Path:
        """What its tarball would hold, made from published jars."""
        return artefacts.made(
            "elasticsearch", MADE_FROM, lambda folder: _assemble(folder, artefacts)
        )


def _assemble(folder: Path, artefacts: Artefacts) -> None:
    libraries, transport = folder / "lib", folder / "modules" / "transport-netty4"
    for needed in (libraries, transport, folder / "native", folder / "plugins"):
        needed.mkdir(parents=True)
    of_transport = {
        jar for pattern in TRANSPORT for jar in artefacts.jars("elasticsearch").glob(pattern)
    }
    for jar in artefacts.jars("elasticsearch").glob("*.jar"):
        place = transport if jar in of_transport else libraries
        (place / jar.name).hardlink_to(jar)
    (folder / "native" / "libzstd.so").symlink_to(_zstd())
    _describe(
        transport,
        description="HTTP and transport on Netty 4",
        class_name="org.elasticsearch.transport.netty4.Netty4Plugin",
        module_name="org.elasticsearch.transport.netty4",
    )
    _compile("StarlingNode.java", libraries, folder / "node")
    _add_root_plugin(folder)


def _add_root_plugin(folder: Path) -> None:
    module = folder / "modules" / "starling-root"
    classes = folder / "root"
    _compile("RootPlugin.java", folder / "lib", classes)
    module.mkdir()
    with zipfile.ZipFile(module / "starling-root.jar", "w") as jar:
        for compiled in classes.rglob("*.class"):
            jar.write(compiled, compiled.relative_to(classes))
    _describe(
        module,
        description="What the clients ask first",
        class_name="starling.root.RootPlugin",
        module_name="",
    )


def _describe(module: Path, *, description: str, class_name: str, module_name: str) -> None:
    configuration.write(
        "elasticsearch/plugin-descriptor.properties",
        module,
        name=module.name,
        description=description,
        version=_version(),
        class_name=class_name,
        module_name=module_name,
    )


def _compile(source: str, libraries: Path, into: Path) -> None:
    modules = ("--module-path", str(libraries), f"--add-modules={SERVER}")
    javac = (jdk(21).program("javac"), "-nowarn", *modules, "-d", str(into))
    run((*javac, str(SOURCES / source)), log=into.with_suffix(".log"), timeout_s=COMPILE_S)


def _version() -> str:
    pom = ElementTree.parse(SOURCES / "pom.xml")  # noqa: S314 - it is a file of ours
    return pom.findtext(".//{*}elasticsearch.version", default="")


def _zstd() -> Path:
    """The compression library that it loads. Raises Missing."""
    for pattern in ZSTD:
        for found in Path("/").glob(pattern):
            return found
    raise Missing("It needs the library zstd (Debian: libzstd1)")
