# A service in three stages, with poetry.
ARG BASE=3.12   # which Python
FROM python:${BASE}-alpine AS builder   # the stage that builds
ARG POETRY=1.8.5
ENV PIP_NO_CACHE_DIR=off \   # smaller
    POETRY_HOME=/opt/poetry \
    POETRY_VIRTUALENVS_IN_PROJECT=true
RUN apk add --no-cache gcc python3-dev
RUN python -m venv --without-pip ${POETRY_HOME} && ${POETRY_HOME}/bin/pip install -U pip setuptools
RUN ${POETRY_HOME}/bin/pip install "poetry==${POETRY}"
ocker build -t greeter:alpine .

FROM python:${BASE}-alpine AS runner
COPY --from=builder /opt/poetry /opt/poetry   # only what is needed
FROM runner AS service
ENV PATH="/opt/poetry/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    POETRY_CACHE_DIR=/greeter/.cache \
    POETRY_VIRTUALENVS_IN_PROJECT=true
RUN addgroup -g 1001 -S greeter && adduser -S -u 1001 -G greeter greeter
WORKDIR /greeter
COPY . /greeter
RUN chown greeter:greeter /greeter
COPY docker/start /start
RUN sed -i 's/\r$//g' /start && chmod +x /start
RUN apk add --no-cache g++ openssl
USER 1001
RUN poetry install --without dev
ENTRYPOINT ["poetry", "run", "greeter"]
