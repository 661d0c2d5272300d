# What the good Dockerfile's first stage starts from: the base, and uv in it. Made once, and not measured.
ARG BASE
FROM ${BASE}
ARG UV
RUN --mount=type=secret,id=machine --mount=type=secret,id=certificates \
    . /run/secrets/machine \
    && python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir "uv==${UV}"
ENV PATH=/opt/uv/bin:$PATH
